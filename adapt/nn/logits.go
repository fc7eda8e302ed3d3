package nn

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// RowRange returns the minimum and the maximum of every row of x [B, K], as
// [B, 2]. It has no gradient: in the remedies the zero-shot range is data. For
// extremes with gradients there are [RowMin] and [RowMax].
func RowRange(x *Node) *Node {
	return build("row range", func(g *graph.Graph) *Node { return ops.RowRange(g, x) }, x)
}

// RangeMap maps every row of logits [B, K] linearly from its own range to that of
// ranges [B, 2] (minimum, maximum): ZS-Norm of Murugesan et al. (2024). A row of
// equal logits is only shifted to the minimum. The gradient is exact, minimum
// and maximum not detached; of tied extremes the first takes it. Ranges get no
// gradient.
func RangeMap(logits, ranges *Node) *Node {
	return build("range map", func(g *graph.Graph) *Node { return ops.RangeMap(g, logits, ranges) }, logits, ranges)
}

// RangePenalty returns lambda * (mean ReLU(l - max) + mean ReLU(min - l)) over
// the batch and the classes, [1], for logits l [B, K] and ranges [B, 2] (minimum,
// maximum): the Penalty of Murugesan et al. (2024). The derivative at the bounds
// is 0; ranges get no gradient.
func RangePenalty(logits, ranges *Node, lambda float32) *Node {
	return build("range penalty", func(g *graph.Graph) *Node {
		return ops.RangePenalty(g, logits, ranges, lambda)
	}, logits, ranges)
}

// RowMax returns the maximum of every row of x [B, K], [B]. The first of the
// entries that reach it takes the gradient; gorgonia.Max gives every one of them
// the whole.
func RowMax(x *Node) *Node {
	return build("row maximum", func(g *graph.Graph) *Node { return ops.RowMax(g, x) }, x)
}

// RowMin returns the minimum of every row of x [B, K], [B]. The first of the
// entries that reach it takes the gradient.
func RowMin(x *Node) *Node {
	return build("row minimum", func(g *graph.Graph) *Node { return ops.RowMin(g, x) }, x)
}

// Softmax returns the probabilities exp(x) over their sum, row by row, of x
// [B, K].
func Softmax(x *Node) *Node {
	return build("softmax", func(g *graph.Graph) *Node { return ops.Softmax(g, x) }, x)
}

// LogSoftmax returns the logarithm of [Softmax], without its underflow.
func LogSoftmax(x *Node) *Node {
	return build("log-softmax", func(g *graph.Graph) *Node { return ops.LogSoftmax(g, x) }, x)
}
