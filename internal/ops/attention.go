package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Attention is multi-head attention within sequences of tokens rows: qkv
// [B*tokens, 3W], result [B*tokens, W].
func Attention(g *graph.Graph, qkv *Node, tokens, heads int) *Node {
	if g.Err() != nil {
		return qkv
	}
	n := rows(qkv)
	if tokens <= 0 || n%tokens != 0 {
		g.Fail("attention: %d rows are not whole sequences of %d", n, tokens)
		return qkv
	}
	batch := n / tokens
	return attention(g, "attention", qkv, heads, nil, engine.TrainsFloat16(g.Engine),
		func(c graph.Call) error { return c.Engine.Attention(c.Out, c.In[0], batch, tokens, heads) },
		func(c graph.Call) error {
			return c.Engine.AttentionGrad(c.Out, c.In[0], c.In[1], c.In[2], batch, tokens, heads)
		})
}

// attention applies either form; float16 says that its gradient reads 16-bit
// activations and may write a 16-bit gradient.
func attention(g *graph.Graph, name string, qkv *Node, heads int, tree *Node, float16 bool, run,
	grad func(graph.Call) error) *Node {
	w := cols(qkv) / 3
	if cols(qkv) != 3*w || heads <= 0 || w%heads != 0 {
		g.Fail("%s: %d columns cannot be split into query, key and value of %d heads", name, cols(qkv), heads)
	}
	in := []*Node{qkv}
	if tree != nil {
		in = append(in, tree)
	}
	return g.Apply(graph.Op{
		Name:       name,
		Out:        tensor.Shape{rows(qkv), w},
		Float16Out: true, Float16In: []int{0},
		Run: run,
		Grad: func(g *graph.Graph, in []*Node, y, dy *Node, _ []bool) []*Node {
			d := make([]*Node, len(in))
			op := graph.Op{
				Name: name + " gradient",
				Out:  in[0].Shape(),
				Run:  grad,
			}
			if float16 {
				op.Float16Out, op.Float16In = float16Gradients(g), []int{0, 1}
			}
			d[0] = g.Apply(op, append([]*Node{in[0], y, dy}, in[1:]...)...)
			return d
		},
	}, in...)
}
