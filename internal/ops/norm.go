package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// L2Normalize gives every row of x unit length.
func L2Normalize(g *graph.Graph, x *Node) *Node {
	return rowNorm(g, "L2 normalise", x,
		func(e engine.Engine, out, x *tensor.Dense) error { return e.L2Normalize(out, x) },
		func(e engine.Engine, dx, x, dy *tensor.Dense) error { return e.L2NormalizeGrad(dx, x, dy) })
}

// DivNorm returns x / (tau (norm + 1e-7)), row by row: the logits of LogitNorm.
func DivNorm(g *graph.Graph, x *Node, tau float32) *Node {
	return rowNorm(g, "LogitNorm", x,
		func(e engine.Engine, out, x *tensor.Dense) error { return e.DivNorm(out, x, tau) },
		func(e engine.Engine, dx, x, dy *tensor.Dense) error { return e.DivNormGrad(dx, x, dy, tau) })
}

func rowNorm(g *graph.Graph, name string, x *Node,
	run func(e engine.Engine, out, x *tensor.Dense) error,
	grad func(e engine.Engine, dx, x, dy *tensor.Dense) error,
) *Node {
	if g.Err() != nil {
		return x
	}
	return g.Apply(graph.Op{
		Name: name,
		Out:  x.Shape(),
		Run:  func(c graph.Call) error { return run(c.Engine, c.Out, c.In[0]) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: name + " gradient",
				Out:  in[0].Shape(),
				Run:  func(c graph.Call) error { return grad(c.Engine, c.Out, c.In[0], c.In[1]) },
			}, in[0], dy)}
		},
	}, x)
}
