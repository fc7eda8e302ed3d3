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
