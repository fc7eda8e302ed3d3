package nn

import (
	"fmt"

	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/gorgonia"
)

// Node is a value of a graph: a leaf, or the result of an operation.
type Node = gorgonia.Node

// build applies one operation in the graph of its nodes; nil nodes in optional
// places are for the caller to leave out.
func build(name string, f func(g *graph.Graph) *Node, nodes ...*Node) *Node {
	return graph.Build(name, f, nodes...)
}

// with returns nodes and those of more that are not nil.
func with(nodes []*Node, more ...*Node) []*Node {
	for _, n := range more {
		if n != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// Constant adds a leaf that holds values, of the given shape, to the graph of
// the node of. The values are copied.
func Constant(of *Node, name string, values []float32, shape ...int) *Node {
	return build("constant "+name, func(g *graph.Graph) *Node {
		n, err := volume(shape)
		if err != nil || n != len(values) {
			g.Fail("constant %s: %d values do not fit the shape %v", name, len(values), shape)
			return of
		}
		return ops.Constant(g, name, values, shape...)
	}, of)
}

// Indices adds an int32 leaf [n] that holds rows or labels to the graph of the
// node of. The values are copied.
func Indices(of *Node, name string, values []int32) *Node {
	return build("indices "+name, func(g *graph.Graph) *Node {
		if len(values) == 0 {
			g.Fail("indices %s: there are none", name)
			return of
		}
		return ops.Indices(g, name, values)
	}, of)
}

// Fail records err as an error of building in the graph of the node of, and
// returns that node. It is how a function that builds a part of a graph refuses:
// what the graph is compiled for reports err.
func Fail(of *Node, err error) *Node {
	return build("graph", func(g *graph.Graph) *Node {
		g.Fail("%w", err)
		return of
	}, of)
}

// volume is the number of elements of a shape.
func volume(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d <= 0 || n > (1<<40)/d {
			return 0, fmt.Errorf("shape %v", shape)
		}
		n *= d
	}
	return n, nil
}
