package ops

import (
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Gather returns rows idx (int32 [N]) of table; a negative index gives zeros.
func Gather(g *graph.Graph, table, idx *Node) *Node {
	if g.Err() != nil {
		return table
	}
	return g.Apply(graph.Op{
		Name:       "gather",
		Out:        shape(size(idx), cols(table)),
		Float16Out: true, Float16In: []int{0},
		Run: func(c graph.Call) error { return c.Engine.Gather(c.Out, c.In[0], c.In[1]) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{scatter(g, in[0], dy, in[1]), nil}
		},
	}, table, idx)
}

// AddRows returns x[i] + table[idx[i]]: position embeddings.
func AddRows(g *graph.Graph, x, table, idx *Node) *Node {
	if g.Err() != nil {
		return x
	}
	if rows(x) != size(idx) || cols(x) != cols(table) {
		g.Fail("add rows: %v, table %v and %d indices do not fit", x.Shape(), table.Shape(), size(idx))
	}
	return g.Apply(graph.Op{
		Name:       "add rows",
		Out:        x.Shape(),
		Float16Out: true, Float16In: []int{0},
		Run: func(c graph.Call) error { return c.Engine.AddRows(c.Out, c.In[0], c.In[1], c.In[2]) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, need []bool) []*Node {
			d := []*Node{dy, nil, nil}
			if need[1] {
				d[1] = scatter(g, in[1], dy, in[2])
			}
			return d
		},
	}, x, table, idx)
}

func scatter(g *graph.Graph, table, dy, idx *Node) *Node {
	return g.Apply(graph.Op{
		Name: "scatter",
		Out:  table.Shape(),
		Run:  func(c graph.Call) error { return c.Engine.ScatterAdd(c.Out, c.In[0], c.In[1]) },
	}, dy, idx)
}

// Concat returns the rows of the parts, one part after the other.
func Concat(g *graph.Graph, parts ...*Node) *Node {
	if g.Err() != nil {
		return parts[0]
	}
	total := 0
	all := make([]int, len(parts))
	for i, p := range parts {
		all[i] = i
		if cols(p) != cols(parts[0]) {
			g.Fail("concat: %v and %v differ in width", parts[0].Shape(), p.Shape())
		}
		total += rows(p)
	}
	return g.Apply(graph.Op{
		Name:       "concat",
		Out:        shape(total, cols(parts[0])),
		Float16Out: true, Float16In: all,
		Run: func(c graph.Call) error { return c.Engine.Concat(c.Out, c.In...) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, need []bool) []*Node {
			d := make([]*Node, len(in))
			at := 0
			for i, p := range in {
				if need[i] {
					d[i] = slice(g, dy, at, rows(p), float16Gradients(g))
				}
				at += rows(p)
			}
			return d
		},
	}, parts...)
}

// Slice returns the n rows of x that begin at from.
func Slice(g *graph.Graph, x *Node, from, n int) *Node {
	if g.Err() != nil {
		return x
	}
	if from < 0 || n < 1 || from+n > rows(x) {
		g.Fail("slice: rows %d to %d of %v", from, from+n-1, x.Shape())
	}
	return slice(g, x, from, n, true)
}

// slice is Slice; float16 says whether the result may be kept in 16 bits.
func slice(g *graph.Graph, x *Node, from, n int, float16 bool) *Node {
	return g.Apply(graph.Op{
		Name:       "slice",
		Out:        shape(n, cols(x)),
		Float16Out: float16, Float16In: []int{0},
		Run: func(c graph.Call) error { return c.Engine.Slice(c.Out, c.In[0], from) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: "slice gradient",
				Out:  in[0].Shape(),
				Run:  func(c graph.Call) error { return c.Engine.PadRows(c.Out, c.In[0], from) },
			}, dy)}
		},
	}, x)
}

// Transpose returns xᵀ.
func Transpose(g *graph.Graph, x *Node) *Node {
	if g.Err() != nil {
		return x
	}
	return g.Apply(graph.Op{
		Name: "transpose",
		Out:  tensor.Shape{cols(x), rows(x)},
		Run:  func(c graph.Call) error { return c.Engine.Transpose(c.Out, c.In[0]) },
		Grad: func(g *graph.Graph, _ []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{Transpose(g, dy)}
		},
	}, x)
}
