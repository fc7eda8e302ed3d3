package ops

import (
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// ReplaceRows returns x with some of its rows taken from y instead: row i of
// the result is row from[i] of y, or row i of x where from[i] is negative.
// Several rows may take the same row of y, whose gradient is then the sum.
func ReplaceRows(g *graph.Graph, x, y *Node, from []int32) *Node {
	if g.Err() != nil {
		return x
	}
	if cols(x) != cols(y) || len(from) != rows(x) {
		g.Fail("replace rows: %v, %v and %d indices do not fit", x.Shape(), y.Shape(), len(from))
		return x
	}
	idx := make([]int32, len(from))
	for i, r := range from {
		switch {
		case r < 0:
			idx[i] = int32(i)
		case int(r) < rows(y):
			idx[i] = int32(rows(x)) + r
		default:
			g.Fail("replace rows: row %d of %v", r, y.Shape())
			return x
		}
	}
	return Rows(g, Concat(g, x, y), idx)
}

// Rows returns rows idx of table, as Gather does, for indices that are known
// when the graph is built.
func Rows(g *graph.Graph, table *Node, idx []int32) *Node {
	return Gather(g, table, Indices(g, "rows", idx))
}

// Indices is a leaf that holds idx.
func Indices(g *graph.Graph, name string, idx []int32) *Node {
	n := g.Input(name, tensor.Int32, len(idx))
	if g.Err() == nil {
		if err := g.Set(n, idx); err != nil {
			g.Fail("%w", err)
		}
	}
	return n
}

// Constant is a leaf that holds values as a tensor of the given shape.
func Constant(g *graph.Graph, name string, values []float32, shape ...int) *Node {
	n := g.Input(name, tensor.Float32, shape...)
	if g.Err() == nil {
		if err := g.Set(n, values); err != nil {
			g.Fail("%w", err)
		}
	}
	return n
}
