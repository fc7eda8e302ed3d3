package nn

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// ReLU returns max(x, 0), element by element; its derivative at 0 is 0, as in
// PyTorch, where gorgonia.Rectify's is 1.
func ReLU(x *Node) *Node { return activate("ReLU", x, engine.ReLU) }

// GELU returns x times the normal distribution function of x, the exact form
// with erf (Hendrycks and Gimpel, 2016).
func GELU(x *Node) *Node { return activate("GELU", x, engine.GELU) }

// QuickGELU returns x * sigmoid(1.702 x), the activation of OpenAI's CLIP.
func QuickGELU(x *Node) *Node { return activate("QuickGELU", x, engine.QuickGELU) }

func activate(name string, x *Node, act engine.Act) *Node {
	return build(name, func(g *graph.Graph) *Node { return ops.Activate(g, x, act) }, x)
}

// Add returns x + y, of one shape.
func Add(x, y *Node) *Node { return WeightedSum(1, x, 1, y) }

// Sub returns x - y, of one shape.
func Sub(x, y *Node) *Node { return WeightedSum(1, x, -1, y) }

// WeightedSum returns a*x + b*y, of one shape.
func WeightedSum(a float32, x *Node, b float32, y *Node) *Node {
	return build("weighted sum", func(g *graph.Graph) *Node { return ops.Axpby(g, a, x, b, y) }, x, y)
}

// Scale returns a*x.
func Scale(a float32, x *Node) *Node {
	return build("scale", func(g *graph.Graph) *Node { return ops.Axpby(g, a, x, 0, nil) }, x)
}

// ScaleExp returns x * exp(s) for s [1]: logits under a learned logit_scale.
// Both get gradients.
func ScaleExp(x, s *Node) *Node {
	return build("logit scale", func(g *graph.Graph) *Node { return ops.ScaleExp(g, x, s) }, x, s)
}

// ExpAffine returns exp(a*x + b), the affinity of Tip-Adapter (Zhang et al., 2022)
// for a = beta and b = -beta.
func ExpAffine(x *Node, a, b float32) *Node {
	return build("exp", func(g *graph.Graph) *Node { return ops.ExpAffine(g, x, a, b) }, x)
}

// Dot returns a * sum(x*y) over all elements, [1]. Both get gradients.
func Dot(a float32, x, y *Node) *Node {
	return build("dot", func(g *graph.Graph) *Node { return ops.Dot(g, a, x, y) }, x, y)
}

// MeanAbs returns the mean of |x - y| over all elements, [1]; its derivative
// where they are equal is 0, as that of PyTorch's l1_loss.
func MeanAbs(x, y *Node) *Node {
	return build("mean absolute difference", func(g *graph.Graph) *Node { return ops.MeanAbs(g, x, y) }, x, y)
}
