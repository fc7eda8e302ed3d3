package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// LayerNormEps is the epsilon of the layer norms of OpenAI's models, and
// PyTorch's own.
const LayerNormEps = 1e-5

// LayerNorm normalises every row of x [N, W] and applies gamma and beta [W].
func LayerNorm(g *graph.Graph, x, gamma, beta *Node) *Node {
	return LayerNormWith(g, x, gamma, beta, LayerNormEps)
}

// LayerNormWith is LayerNorm with another epsilon.
func LayerNormWith(g *graph.Graph, x, gamma, beta *Node, eps float32) *Node {
	if g.Err() != nil {
		return x
	}
	if size(gamma) != cols(x) || size(beta) != cols(x) {
		g.Fail("layer norm: weights %v and %v do not fit %v", gamma.Shape(), beta.Shape(), x.Shape())
	}
	return g.Apply(graph.Op{
		Name:       "layer norm",
		Out:        x.Shape(),
		Float16Out: true, Float16In: []int{0},
		Run: func(c graph.Call) error {
			return c.Engine.LayerNorm(c.Out, c.In[0], c.In[1], c.In[2], eps)
		},
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, need []bool) []*Node {
			return layerNormGrad(g, in, dy, need, eps)
		},
	}, x, gamma, beta)
}

// layerNormGradX is the gradient with respect to x.
func layerNormGradX(g *graph.Graph, x, gamma, dy *Node, eps float32) *Node {
	op := graph.Op{
		Name: "layer norm gradient",
		Out:  x.Shape(),
		Run: func(c graph.Call) error {
			return c.Engine.LayerNormGrad(c.Out, nil, nil, c.In[0], c.In[1], c.In[2], eps)
		},
	}
	if e, ok := g.Engine.(engine.LayerNormAdder); ok {
		op.Add = func(g *graph.Graph, in []*Node, term *Node) *Node {
			return g.Apply(graph.Op{
				Name: "layer norm gradient and sum",
				Out:  x.Shape(),
				Run: func(c graph.Call) error {
					return e.LayerNormGradAdd(c.Out, c.In[0], c.In[1], c.In[2], c.In[3], eps)
				},
			}, in[0], in[1], in[2], term)
		}
	}
	return g.Apply(op, x, gamma, dy)
}

func layerNormGrad(g *graph.Graph, in []*Node, dy *Node, need []bool, eps float32) []*Node {
	x, gamma, beta := in[0], in[1], in[2]
	d := make([]*Node, 3)
	if need[0] {
		d[0] = layerNormGradX(g, x, gamma, dy, eps)
	}
	if need[1] || need[2] {
		// One pass makes both; beta's is saved and handed on by a second node.
		dgamma := g.Apply(graph.Op{
			Name:  "layer norm weight gradient",
			Out:   gamma.Shape(),
			Saved: []tensor.Shape{beta.Shape()},
			Run: func(c graph.Call) error {
				return c.Engine.LayerNormGrad(nil, c.Out, c.Saved[0], c.In[0], c.In[1], c.In[2], eps)
			},
		}, x, gamma, dy)
		d[1] = dgamma
		if need[2] {
			d[2] = saved(g, "layer norm bias gradient", dgamma, 0, beta.Shape())
		}
	}
	return d
}

// saved hands on what node n saved.
func saved(g *graph.Graph, name string, n *Node, i int, s tensor.Shape) *Node {
	return g.Apply(graph.Op{
		Name: name,
		Out:  s,
		Run: func(c graph.Call) error {
			kept, err := g.SavedBy(n)
			if err != nil {
				return err
			}
			return c.Engine.Axpby(c.Out, 1, kept[i], 0, nil)
		},
	}, n)
}
