package clip

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagetower"
	"clipcalib/internal/ops"
	"clipcalib/internal/texttower"
	"clipcalib/internal/tower"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Contrastive is the graph CLIP is trained by: B images and B captions, the
// i-th of each belonging together.
type Contrastive struct {
	Images *graph.Node // leaf [B, 3, S, S]
	Texts  texttower.Inputs
	Loss   *graph.Node // [1]: mean of the cross-entropies from image to text and back
}

// NewContrastive builds the graph for batch pairs whose captions' trie has at
// most nodes nodes. The parameters p are leaves that gradients of Loss can be
// taken of.
func NewContrastive(g *graph.Graph, p tower.Scope, c weights.Config, batch, nodes int) Contrastive {
	s := c.Vision.ImageSize
	n := Contrastive{
		Images: g.Input("images", tensor.Float32, batch, 3, s, s),
		Texts:  texttower.NewInputs(g, nodes, batch),
	}
	image := ops.L2Normalize(g, imagetower.Tower(g, p, c, n.Images, true))
	caption := ops.L2Normalize(g, texttower.Tower(g, p, c, n.Texts, nil, true))
	scale := p.Get("logit_scale")
	labels := diagonal(g, batch)
	loss := func(a, b *graph.Node) *graph.Node {
		return ops.CrossEntropy(g, ops.ScaleExp(g, ops.MatMul(g, a, b, false, true, 1), scale), labels, engine.CrossEntropy{})
	}
	n.Loss = ops.Axpby(g, 0.5, loss(image, caption), 0.5, loss(caption, image))
	return n
}

func diagonal(g *graph.Graph, n int) *graph.Node {
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(i)
	}
	leaf := g.Input("pairs", tensor.Int32, n)
	if err := g.Set(leaf, labels); err != nil {
		g.Fail("%w", err)
	}
	return leaf
}
