package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// Axpby returns a*x + b*y; y may be nil.
func Axpby(g *graph.Graph, a float32, x *Node, b float32, y *Node) *Node {
	if g.Err() != nil {
		return x
	}
	in := []*Node{x}
	if y != nil {
		same(g, "weighted sum", x, y)
		in = append(in, y)
	}
	return g.Apply(graph.Op{
		Name: "weighted sum",
		Out:  x.Shape(),
		Run: func(c graph.Call) error {
			if len(c.In) == 1 {
				return c.Engine.Axpby(c.Out, a, c.In[0], 0, nil)
			}
			return c.Engine.Axpby(c.Out, a, c.In[0], b, c.In[1])
		},
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, need []bool) []*Node {
			d := make([]*Node, len(in))
			for i, f := range []float32{a, b}[:len(in)] {
				switch {
				case !need[i]:
				case f == 1:
					d[i] = dy
				default:
					d[i] = Axpby(g, f, dy, 0, nil)
				}
			}
			return d
		},
	}, in...)
}

// Add returns x + y.
func Add(g *graph.Graph, x, y *Node) *Node { return Axpby(g, 1, x, 1, y) }

// ExpAffine returns exp(a*x + b), Tip-Adapter's affinity.
func ExpAffine(g *graph.Graph, x *Node, a, b float32) *Node {
	if g.Err() != nil {
		return x
	}
	return g.Apply(graph.Op{
		Name: "exp",
		Out:  x.Shape(),
		Run:  func(c graph.Call) error { return c.Engine.ExpAffine(c.Out, c.In[0], a, b) },
		Grad: func(g *graph.Graph, _ []*Node, y, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: "exp gradient",
				Out:  y.Shape(),
				Run:  func(c graph.Call) error { return c.Engine.Mul(c.Out, a, c.In[0], c.In[1]) },
			}, y, dy)}
		},
	}, x)
}

// ScaleExp returns x * exp(s): logits under a learned logit_scale, s [1].
func ScaleExp(g *graph.Graph, x, s *Node) *Node {
	if g.Err() != nil {
		return x
	}
	return g.Apply(graph.Op{
		Name: "logit scale",
		Out:  x.Shape(),
		Run:  func(c graph.Call) error { return c.Engine.ScaleExp(c.Out, c.In[0], c.In[1]) },
		Grad: func(g *graph.Graph, in []*Node, y, dy *Node, need []bool) []*Node {
			d := make([]*Node, 2)
			if need[0] {
				d[0] = ScaleExp(g, dy, in[1])
			}
			if need[1] {
				d[1] = g.Apply(graph.Op{
					Name: "logit scale gradient",
					Out:  shape(1),
					Run:  func(c graph.Call) error { return c.Engine.Dot(c.Out, 1, c.In[0], c.In[1]) },
				}, y, dy)
			}
			return d
		},
	}, x, s)
}

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
