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

// rows and cols read a matrix's shape; a vector is one row.
func rows(n *Node) int { return n.Shape().TotalSize() / cols(n) }

func cols(n *Node) int {
	s := n.Shape()
	return s[len(s)-1]
}

func size(n *Node) int { return n.Shape().TotalSize() }

func same(g *graph.Graph, op string, a, b *Node) {
	if g.Err() == nil && !a.Shape().Eq(b.Shape()) {
		g.Fail("%s: shapes %v and %v differ", op, a.Shape(), b.Shape())
	}
}

func shape(d ...int) tensor.Shape { return tensor.Shape(d) }
