package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Deflect returns the gradient d without lambda times its part along the
// gradient k where the two disagree, and d itself where d.k >= 0: ProGrad's
// update, d + lambda relu(-d.u) u with u = k/|k|. It is not differentiable.
func Deflect(g *graph.Graph, d, k *Node, lambda float32) *Node {
	if g.Err() != nil {
		return d
	}
	same(g, "gradient projection", d, k)
	row := shape(1, size(d))
	return g.Apply(graph.Op{
		Name:  "gradient projection",
		Out:   d.Shape(),
		Saved: []tensor.Shape{row, row, shape(1), shape(1)},
		Run: func(c graph.Call) error {
			e, d, k := c.Engine, c.In[0], c.In[1]
			part, unit, along, against := c.Saved[0], c.Saved[1], c.Saved[2], c.Saved[3]
			for _, err := range []error{
				e.Axpby(part, 1, k, 0, nil), // as one row
				e.L2Normalize(unit, part),
				e.Dot(along, -1, d, unit),
				e.Act(against, along, engine.ReLU),
				e.Scale(part, unit, lambda, against),
				e.Axpby(c.Out, 1, d, 1, part),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}, d, k)
}
