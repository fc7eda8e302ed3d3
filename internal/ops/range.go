package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

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
