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
// gradients can be taken of.
func Tower(g *graph.Graph, p tower.Scope, c weights.Config, images *graph.Node, train bool) *graph.Node {
	p = p.Sub("visual")
	w, columns := patchWeight(p, c)
	patches := ops.MatMul(g, ops.Patchify(g, images, c.Vision.Patch, columns), w, false, true, 1)
	return overPatches(g, p, c, patches, images.Shape()[0], train)
}

// OfPixels is Tower for images that are bytes still, see [ops.Pixels].
func OfPixels(g *graph.Graph, p tower.Scope, c weights.Config, pixels, table *graph.Node, train bool) *graph.Node {
	v := c.Vision
	p = p.Sub("visual")
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
	x = tower.Norm(g, p, "ln_pre", x)
	tokens := v.Grid()*v.Grid() + 1
	blocks := tower.Blocks{Layers: v.Layers, Act: tower.Act(c.Activation), Train: train,
		Attend: func(qkv *graph.Node) *graph.Node { return ops.Attention(g, qkv, tokens, v.Heads) }}
	x = blocks.Apply(g, p.Sub("transformer"), x, classRows(g, batch, tokens))
	return tower.Head(g, p, x, "ln_post", "proj")
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
