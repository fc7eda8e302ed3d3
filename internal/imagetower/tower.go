// Package imagetower is the graph of CLIP's image tower, with learned prompts and
// without.
package imagetower

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/tower"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Tower is the graph of the image tower: images [B, 3, S, S], preprocessed, to
// features [B, D], not normalised. p holds the parameters by their OpenAI
// names, such as "visual.conv1.weight". With train the graph is one that
// gradients can be taken of, which that of a ResNet is not.
func Tower(g *graph.Graph, p tower.Scope, c weights.Config, images *graph.Node, train bool) *graph.Node {
	p = p.Sub("visual").NormEps(c.VisionNormEps())
	if c.Vision.ResNet() {
		if err := inferenceAlone(c, train); err != nil {
			g.Fail("%w", err)
			return images
		}
		return resNet(g, p, c, ops.Patchify(g, images, 1, pixelChannels(p)))
	}
	w, columns := patchWeight(p, c)
	patches := ops.MatMul(g, ops.Patchify(g, images, c.Vision.Patch, columns), w, false, true, 1)
	return overPatches(g, p, c, patches, images.Shape()[0], train)
}

// OfPixels is Tower for images that are bytes still, see [ops.Pixels].
func OfPixels(g *graph.Graph, p tower.Scope, c weights.Config, pixels, table *graph.Node, train bool) *graph.Node {
	v := c.Vision
	p = p.Sub("visual").NormEps(c.VisionNormEps())
	if v.ResNet() {
		if err := inferenceAlone(c, train); err != nil {
			g.Fail("%w", err)
			return pixels
		}
		return resNet(g, p, c, ops.Pixels(g, pixels, table, v.ImageSize, 1, pixelChannels(p)))
	}
	w, columns := patchWeight(p, c)
	patches := ops.Pixels(g, pixels, table, v.ImageSize, v.Patch, columns)
	return overPatches(g, p, c, ops.MatMul(g, patches, w, false, true, 1), pixels.Shape()[0], train)
}

// patchWeight is the weight of the patch embedding and the length of its rows:
// 3*P*P, or more where columns of zeros were added for the engine's sake. Rows
// of patches are made as long.
func patchWeight(p tower.Scope, c weights.Config) (w *graph.Node, columns int) {
	w, columns = p.Get("conv1.weight"), 3*c.Vision.Patch*c.Vision.Patch
	if s := w.Shape(); len(s) == 2 {
		columns = s[1]
	}
	return w, columns
}

// overPatches is the tower behind the product of the patches [B*n, W].
func overPatches(g *graph.Graph, p tower.Scope, c weights.Config, patches *graph.Node, batch int, train bool,
) *graph.Node {
	v := c.Vision
	x := ops.Tokens(g, patches, p.Get("class_embedding"), p.Get("positional_embedding"))
	x = preNorm(g, p, c, x)
	tokens := v.Grid()*v.Grid() + 1
	blocks := tower.Blocks{Layers: v.Layers, Act: tower.Act(c.VisionActivation()), Train: train,
		Attend: func(qkv *graph.Node) *graph.Node { return ops.Attention(g, qkv, tokens, v.Heads) }}
	if v.AveragePool {
		return averageHead(g, p, c, blocks.Apply(g, p.Sub("transformer"), x, nil), batch)
	}
	x = blocks.Apply(g, p.Sub("transformer"), x, classRows(g, batch, tokens))
	return tower.Head(g, p, x, "ln_post", "proj")
}

// preNorm is the layer norm before the blocks, where there is one.
func preNorm(g *graph.Graph, p tower.Scope, c weights.Config, x *graph.Node) *graph.Node {
	if c.Vision.NoPreNorm {
		return x
	}
	return tower.Norm(g, p, "ln_pre", x)
}

// averageHead makes features from the mean over the patches, the class token
// left out, as open_clip's CLIPA models do. The mean is a product with a matrix
// of zeros and ones: a thousandth of the tower's work.
func averageHead(g *graph.Graph, p tower.Scope, c weights.Config, x *graph.Node, batch int) *graph.Node {
	patches := c.Vision.Grid() * c.Vision.Grid()
	if !c.Vision.NormAfterPool {
		x = tower.Norm(g, p, "ln_post", x)
	}
	tokens := patches + 1
	ones := make([]float32, batch*batch*tokens)
	for b := range batch {
		own := ones[b*batch*tokens+b*tokens:][:tokens]
		for i := range own[1:] {
			own[1+i] = 1
		}
	}
	x = ops.MatMul(g, ops.Constant(g, "patches of each image", ones, batch, batch*tokens), x, false, false,
		1/float32(patches))
	if c.Vision.NormAfterPool {
		x = tower.Norm(g, p, "ln_post", x)
	}
	return ops.MatMul(g, x, p.Get("proj"), false, false, 1)
}

// classRows is a leaf with the row of each image's class token.
func classRows(g *graph.Graph, batch, tokens int) *graph.Node {
	rows := make([]int32, batch)
	for i := range rows {
		rows[i] = int32(i * tokens)
	}
	n := g.Input("class token rows", tensor.Int32, batch)
	if err := g.Set(n, rows); err != nil {
		g.Fail("%w", err)
	}
	return n
}
