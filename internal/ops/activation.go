package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// Activate returns act(x).
func Activate(g *graph.Graph, x *Node, act engine.Act) *Node {
	if g.Err() != nil || act == engine.Identity {
		return x
	}
	return g.Apply(graph.Op{
		Name:       "activation",
		Out:        x.Shape(),
		Float16Out: true, Float16In: []int{0},
		Run: func(c graph.Call) error { return c.Engine.Act(c.Out, c.In[0], act) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name:       "activation gradient",
				Out:        in[0].Shape(),
				Float16Out: float16Gradients(g), Float16In: []int{0},
				Run: func(c graph.Call) error { return c.Engine.ActGrad(c.Out, c.In[0], c.In[1], act) },
			}, in[0], dy)}
		},
	}, x)
}

// float16Gradients says whether gradients may be kept in 16 bits.
func float16Gradients(g *graph.Graph) bool {
	e, ok := g.Engine.(engine.MixedPrecision)
	return ok && e.StoresFloat16Gradients()
}
