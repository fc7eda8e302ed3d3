// Package ops holds the operations of CLIP's towers, the adapters and their
// losses as functions from nodes to nodes. Each states its shape, the engine's
// kernel that computes it, and its gradient as nodes of the same kind, so that
// gradients are graphs like any other. No operation mentions a device.
//
// Values are float32 matrices [rows, columns], vectors [n] or single values
// [1]; indices are int32 leaves. A shape that does not fit is recorded in the
// graph as an error that names the operation and both shapes.
package ops

import (
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Node is a value of the graph.
type Node = graph.Node

// rows and cols read a matrix's shape; a vector is one row, and a scalar, as
// Gorgonia's Sum returns, is a single value.
func rows(n *Node) int { return size(n) / cols(n) }

func cols(n *Node) int {
	s := n.Shape()
	if len(s) == 0 {
		return 1
	}
	return s[len(s)-1]
}

func size(n *Node) int {
	if len(n.Shape()) == 0 {
		return 1
	}
	return n.Shape().TotalSize()
}

func same(g *graph.Graph, op string, a, b *Node) {
	if g.Err() == nil && !a.Shape().Eq(b.Shape()) && (size(a) != 1 || size(b) != 1) {
		g.Fail("%s: shapes %v and %v differ", op, a.Shape(), b.Shape())
	}
}

func shape(d ...int) tensor.Shape { return tensor.Shape(d) }
