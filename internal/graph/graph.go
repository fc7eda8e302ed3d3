// Package graph is the thin layer between clipcalib's operations and Gorgonia:
// one generic operation type, gradients that touch only what trains, and
// compiled programs whose buffers are planned once.
//
// A graph is built by functions from nodes to nodes (package ops). The first
// error sticks: after it, building goes on without effect, and Compile reports
// it, so that a tower reads as the formula does.
package graph

import (
	"errors"
	"fmt"

	"clipcalib/internal/engine"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Graph is an expression graph on one engine.
type Graph struct {
	Engine engine.Engine

	g       *G.ExprGraph
	err     error
	ops     uint32
	names   map[string]int
	inputs  map[*Node][]*Node       // of every operation's node, in order
	values  map[*Node]*tensor.Dense // of leaves in the engine's memory
	owned   []*tensor.Dense
	pending []*pending
	running *Program
	closed  bool

	deferring bool
}

// New returns an empty graph on e.
func New(e engine.Engine) *Graph {
	g := &Graph{
		Engine: e, g: G.NewGraph(), names: map[string]int{},
		inputs: map[*Node][]*Node{}, values: map[*Node]*tensor.Dense{},
	}
	G.NewUniqueNode(G.WithType(tensor.Float32), G.WithOp(&owner{g}), G.In(g.g), G.WithShape())
	return g
}

// ExprGraph is Gorgonia's graph, for leaves of one's own.
func (g *Graph) ExprGraph() *G.ExprGraph { return g.g }

// Err returns the first error of building.
func (g *Graph) Err() error { return g.err }

// Fail records an error of building, unless there is one already.
func (g *Graph) Fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf(format, args...)
	}
}

// Apply adds one operation. After an earlier error it returns an input.
func (g *Graph) Apply(spec Op, inputs ...*Node) *Node {
	if g.err != nil {
		return g.placeholder(inputs)
	}
	types := make([]hm.Type, 0, len(inputs)+1)
	for i, in := range inputs {
		if err := g.accept(in); err != nil {
			g.Fail("%s: input %d: %w", spec.Name, i, err)
			return g.placeholder(inputs)
		}
		types = append(types, in.Type())
	}
	for _, d := range spec.Out {
		if d <= 0 {
			g.Fail("%s: result of shape %v is empty", spec.Name, spec.Out)
			return g.placeholder(inputs)
		}
	}
	if len(spec.Out) == 0 {
		types = append(types, tensor.Float32)
	} else {
		types = append(types, G.TensorType{Dims: len(spec.Out), Of: tensor.Float32})
	}
	g.ops++
	n, err := G.ApplyOp(&op{Op: &spec, id: g.ops, g: g, types: types}, inputs...)
	if err != nil {
		g.Fail("%s: %w", spec.Name, err)
		return g.placeholder(inputs)
	}
	g.inputs[n] = append([]*Node(nil), inputs...)
	return n
}

func (g *Graph) placeholder(inputs []*Node) *Node {
	for _, in := range inputs {
		if in != nil && in.Graph() == g.g {
			return in
		}
	}
	return G.NewTensor(g.g, tensor.Float32, 1, G.WithShape(1), G.WithName("after error"))
}

// SavedBy returns the buffers an operation's node saved in the running program.
func (g *Graph) SavedBy(n *Node) ([]*tensor.Dense, error) {
	if g.running == nil {
		return nil, errors.New("no buffers were saved for this node")
	}
	s := g.running.entries[n]
	if s == nil || s.op == nil {
		return nil, fmt.Errorf("%s is not part of this program", Name(n))
	}
	return s.saved, nil
}

// Close releases the inputs' memory. Programs are closed on their own.
func (g *Graph) Close() {
	g.closed = true
	for _, t := range g.owned {
		g.Engine.Release(t)
	}
	g.owned = nil
}
