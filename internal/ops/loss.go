package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// CrossEntropy is the mean cross-entropy of logits [B, K] and labels (int32
// [B]) in the given form; the result is [1].
func CrossEntropy(g *graph.Graph, logits, labels *Node, form engine.CrossEntropy) *Node {
	if g.Err() == nil && rows(logits) != size(labels) {
		g.Fail("cross-entropy: %v logits, %d labels", logits.Shape(), size(labels))
	}
	return loss(g, "cross-entropy", logits, func(e engine.Engine, loss, d *tensor.Dense, in []*tensor.Dense) error {
		return e.CrossEntropy(loss, d, in[0], in[1], form)
	}, labels)
}

// RangePenalty is the Penalty remedy's term: lambda times the mean excess of
// logits [B, K] over the zero-shot range zs [B, 2]; the result is [1].
func RangePenalty(g *graph.Graph, logits, zs *Node, lambda float32) *Node {
	if g.Err() == nil && !zs.Shape().Eq(shape(rows(logits), 2)) {
		g.Fail("range penalty: %v logits, ranges %v", logits.Shape(), zs.Shape())
	}
	return loss(g, "range penalty", logits, func(e engine.Engine, loss, d *tensor.Dense, in []*tensor.Dense) error {
		return e.RangePenalty(loss, d, in[0], in[1], lambda)
	}, zs)
}

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

// loss builds a scalar of its first input; the gradient comes out of the same
// pass, is saved, and waits for the gradient of the loss to scale it.
func loss(g *graph.Graph, name string, x *Node,
	run func(e engine.Engine, loss, d *tensor.Dense, in []*tensor.Dense) error, rest ...*Node,
) *Node {
	if g.Err() != nil {
		return x
	}
	return g.Apply(graph.Op{
		Name:  name,
		Out:   shape(1),
		Saved: []tensor.Shape{x.Shape()},
		Run:   func(c graph.Call) error { return run(c.Engine, c.Out, c.Saved[0], c.In) },
		Grad: func(g *graph.Graph, in []*Node, y, dy *Node, _ []bool) []*Node {
			d := make([]*Node, len(in))
			d[0] = g.Apply(graph.Op{
				Name: name + " gradient",
				Out:  in[0].Shape(),
				Run: func(c graph.Call) error {
					kept, err := g.SavedBy(y)
					if err != nil {
						return err
					}
					return c.Engine.Scale(c.Out, kept[0], 1, c.In[1])
				},
			}, y, dy)
			return d
		},
	}, append([]*Node{x}, rest...)...)
}

// RowRange returns the minimum and maximum of every row, [B, 2]; it has no
// gradient (the zero-shot range is data).
func RowRange(g *graph.Graph, x *Node) *Node {
	if g.Err() != nil {
		return x
	}
	return g.Apply(graph.Op{
		Name: "row range",
		Out:  shape(rows(x), 2),
		Run:  func(c graph.Call) error { return c.Engine.RowRange(c.Out, c.In[0]) },
	}, x)
}

// RangeMap maps every row of logits [B, K] to the range zs [B, 2] (ZS-Norm).
func RangeMap(g *graph.Graph, logits, zs *Node) *Node {
	if g.Err() != nil {
		return logits
	}
	if !zs.Shape().Eq(shape(rows(logits), 2)) {
		g.Fail("range map: %v logits, ranges %v", logits.Shape(), zs.Shape())
	}
	return g.Apply(graph.Op{
		Name: "range map",
		Out:  logits.Shape(),
		Run:  func(c graph.Call) error { return c.Engine.RangeMap(c.Out, c.In[0], c.In[1]) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: "range map gradient",
				Out:  in[0].Shape(),
				Run:  func(c graph.Call) error { return c.Engine.RangeMapGrad(c.Out, c.In[0], c.In[1], c.In[2]) },
			}, in[0], in[1], dy), nil}
		},
	}, logits, zs)
}
