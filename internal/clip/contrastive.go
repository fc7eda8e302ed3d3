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

// Pairs are images and their captions, encoded: the i-th of each belong together.
type Pairs struct {
	Images          *graph.Node // leaf [B, 3, S, S]
	Texts           texttower.Inputs
	Image, Captions *graph.Node // features [B, D] of unit length
}

// NewPairs builds both towers for batch pairs whose captions' trie has at most
// nodes nodes. The parameters p are leaves that gradients can be taken of.
func NewPairs(g *graph.Graph, p tower.Scope, c weights.Config, batch, nodes int) Pairs {
	s := c.Vision.ImageSize
	n := Pairs{
		Images: g.Input("images", tensor.Float32, batch, 3, s, s),
		Texts:  texttower.NewInputs(g, nodes, batch),
	}
	n.Image = ops.L2Normalize(g, imagetower.Tower(g, p, c, n.Images, true))
	n.Captions = ops.L2Normalize(g, texttower.Tower(g, p, c, n.Texts, nil, true))
	return n
}

// Contrast is CLIP's loss [1] of features [B, D] of unit length: the mean of the
// cross-entropies from image to text and back, of cosines times exp(scale).
func Contrast(g *graph.Graph, image, captions, scale *graph.Node) *graph.Node {
	if g.Err() != nil {
		return image
	}
	labels := diagonal(g, image.Shape()[0])
	loss := func(a, b *graph.Node) *graph.Node {
		logits := ops.ScaleExp(g, ops.MatMul(g, a, b, false, true, 1), scale)
		return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{})
	}
	return ops.Axpby(g, 0.5, loss(image, captions), 0.5, loss(captions, image))
}

// Contrastive is the graph CLIP is trained by.
type Contrastive struct {
	Pairs
	Loss *graph.Node // [1]
}

// NewContrastive builds the graph of [NewPairs] and their loss.
func NewContrastive(g *graph.Graph, p tower.Scope, c weights.Config, batch, nodes int) Contrastive {
	n := NewPairs(g, p, c, batch, nodes)
	return Contrastive{n, Contrast(g, n.Image, n.Captions, p.Get("logit_scale"))}
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
