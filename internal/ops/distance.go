package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// Dot returns a * sum(x*y) over all elements, [1].
func Dot(g *graph.Graph, a float32, x, y *Node) *Node {
	if g.Err() != nil {
		return x
	}
	same(g, "dot", x, y)
	return g.Apply(graph.Op{
		Name: "dot",
		Out:  shape(1),
		Run:  func(c graph.Call) error { return c.Engine.Dot(c.Out, a, c.In[0], c.In[1]) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, need []bool) []*Node {
			d := make([]*Node, 2)
			for i := range d {
				if need[i] {
					d[i] = scaleBy(g, a, in[1-i], dy)
				}
			}
			return d
		},
	}, x, y)
}

// scaleBy returns a * s * x for s [1].
func scaleBy(g *graph.Graph, a float32, x, s *Node) *Node {
	return g.Apply(graph.Op{
		Name: "scale",
		Out:  x.Shape(),
		Run:  func(c graph.Call) error { return c.Engine.Scale(c.Out, c.In[0], a, c.In[1]) },
	}, x, s)
}

// MeanAbs returns the mean of |x - y| over all elements, [1]; the derivative
// at 0 is 0, as in PyTorch's l1_loss.
func MeanAbs(g *graph.Graph, x, y *Node) *Node {
	if g.Err() != nil {
		return x
	}
	same(g, "mean absolute difference", x, y)
	d := Axpby(g, 1, x, -1, y)
	abs := Add(g, Activate(g, d, engine.ReLU), Activate(g, Axpby(g, -1, d, 0, nil), engine.ReLU))
	ones := make([]float32, size(x))
	for i := range ones {
		ones[i] = 1
	}
	return Dot(g, 1/float32(len(ones)), abs, Constant(g, "ones", ones, x.Shape()...))
}
