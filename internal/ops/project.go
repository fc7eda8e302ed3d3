package ops

import (
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Deflect returns the gradient d without lambda times its part along the
// gradient k where the two disagree, and d itself where d.k >= 0: ProGrad's
// update, d - lambda (d.k)/(k.k) k. It is not differentiable.
func Deflect(g *graph.Graph, d, k *Node, lambda float32) *Node {
	if g.Err() != nil {
		return d
	}
	same(g, "gradient projection", d, k)
	return g.Apply(graph.Op{
		Name:  "gradient projection",
		Out:   d.Shape(),
		Saved: []tensor.Shape{shape(1), shape(1)},
		Run: func(c graph.Call) error {
			var dot, square [1]float32
			for i, v := range []struct {
				x *tensor.Dense
				y []float32
			}{{c.In[0], dot[:]}, {c.In[1], square[:]}} {
				if err := c.Engine.Dot(c.Saved[i], 1, v.x, c.In[1]); err != nil {
					return err
				}
				if err := c.Engine.Download(v.y, c.Saved[i]); err != nil {
					return err
				}
			}
			along := float32(0)
			if dot[0] < 0 && square[0] > 0 {
				along = dot[0] / square[0]
			}
			return c.Engine.Axpby(c.Out, 1, c.In[0], -lambda*along, c.In[1])
		},
	}, d, k)
}
