package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// SquareDistance is sum_k alpha_k |w_k - t_k|^2 over the rows of w and t
// [K, D], alpha [K]; the result is [1]. Only w gets a gradient.
func SquareDistance(g *graph.Graph, w, t, alpha *Node) *Node {
	if g.Err() == nil && (!w.Shape().Eq(t.Shape()) || size(alpha) != rows(w)) {
		g.Fail("square distance: %v, %v and %d weights do not fit", w.Shape(), t.Shape(), size(alpha))
	}
	return loss(g, "square distance", w, func(e engine.Engine, loss, d *tensor.Dense, in []*tensor.Dense) error {
		return e.SquareDistance(loss, d, in[0], in[1], in[2])
	}, t, alpha)
}
