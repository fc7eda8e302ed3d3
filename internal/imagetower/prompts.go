package imagetower

import (
	"errors"
	"fmt"

	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/tower"
	"clipcalib/weights"
)

// WithPrompts is Tower with learned prompts: prompts[0], [M, W], become M
// tokens after the patches of every image, behind the position embeddings and
// before ln_pre (they have no position of their own), and prompts[i] replace
// their states at the input of block i. The graph is ready to be
// differentiated.
func WithPrompts(g *graph.Graph, p tower.Scope, c weights.Config, images *graph.Node, prompts []*graph.Node,
) *graph.Node {
	v := c.Vision
	if len(prompts) == 0 {
		return Tower(g, p, c, images, !v.ResNet()) // nothing of a ResNet's tower is differentiated
	}
	if err := CheckPrompts(c); err != nil {
		g.Fail("%w", err)
		return images
	}
	if len(prompts) > v.Layers {
		g.Fail("prompts for %d blocks: the image tower has %d", len(prompts), v.Layers)
		return images
	}
	p = p.Sub("visual").NormEps(c.VisionNormEps())
	batch, m := images.Shape()[0], prompts[0].Shape()[0]
	w, columns := patchWeight(p, c)
	patches := ops.MatMul(g, ops.Patchify(g, images, v.Patch, columns), w, false, true, 1)
	x := ops.Tokens(g, patches, p.Get("class_embedding"), p.Get("positional_embedding"))
	n := v.Grid()*v.Grid() + 1
	x = ops.Rows(g, ops.Concat(g, x, prompts[0]), appended(batch, n, m))
	x = preNorm(g, p, c, x)
	from := promptRows(batch, n, m)
	blocks := tower.Blocks{Layers: v.Layers, Act: tower.Act(c.VisionActivation()), Train: true,
		Attend: func(qkv *graph.Node) *graph.Node { return ops.Attention(g, qkv, n+m, v.Heads) },
		Before: func(i int, x *graph.Node) *graph.Node {
			if i >= len(prompts) {
				return x
			}
			return ops.ReplaceRows(g, x, prompts[i], from)
		}}
	x = blocks.Apply(g, p.Sub("transformer"), x, classRows(g, batch, n+m))
	return tower.Head(g, p, x, "ln_post", "proj")
}

// CheckPrompts is an error for a model whose image tower takes no prompts.
func CheckPrompts(c weights.Config) error {
	switch {
	case c.Vision.ResNet():
		return fmt.Errorf("prompts in the image tower are tokens of a transformer, and this model's is a ResNet (%s): "+
			"use a ViT checkpoint, or a method that prompts texts alone", c.Architecture())
	case c.Vision.AveragePool:
		return errors.New("prompts in the image tower: this model averages its patches, which the methods with such " +
			"prompts do not know")
	}
	return nil
}

// appended lists, for each image, its n rows and then the m rows behind those
// of all images.
func appended(batch, n, m int) []int32 {
	out := make([]int32, 0, batch*(n+m))
	for b := range batch {
		for i := range n {
			out = append(out, int32(b*n+i))
		}
		for i := range m {
			out = append(out, int32(batch*n+i))
		}
	}
	return out
}

// promptRows gives each image's last m of n+m rows the prompts 0 to m-1.
func promptRows(batch, n, m int) []int32 {
	out := make([]int32, 0, batch*(n+m))
	for range batch {
		for i := range n + m {
			out = append(out, int32(max(i-n, -1)))
		}
	}
	return out
}
