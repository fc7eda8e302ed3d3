package graph

import (
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"strings"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// owner is the operation of the first node of every graph of ours. It computes
// nothing: it is how the graph is found again from any of its nodes.
type owner struct{ g *Graph }

var errOwner = errors.New("the node that names a graph's owner has no value")

func (o *owner) Arity() int                                     { return 0 }
func (o *owner) Type() hm.Type                                  { return tensor.Float32 }
func (o *owner) InferShape(...G.DimSizer) (tensor.Shape, error) { return tensor.Shape{}, nil }
func (o *owner) Do(...G.Value) (G.Value, error)                 { return nil, errOwner }
func (o *owner) ReturnsPtr() bool                               { return false }
func (o *owner) CallsExtern() bool                              { return false }
func (o *owner) OverwritesInput() int                           { return -1 }
func (o *owner) WriteHash(h hash.Hash)                          { _, _ = h.Write([]byte(o.String())) }
func (o *owner) String() string                                 { return "graph of clipcalib" }

func (o *owner) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// Of returns the graph that n is a node of. It says false for nodes of other
// graphs, for constants that are in no graph yet, and after Close.
func Of(n *Node) (*Graph, bool) {
	if n == nil || n.Graph() == nil {
		return nil, false
	}
	all := n.Graph().AllNodes()
	if len(all) == 0 {
		return nil, false
	}
	o, ok := all[0].Op().(*owner)
	if !ok || o.g.closed {
		return nil, false
	}
	return o.g, true
}

// Build calls f with the graph of the nodes, which must be one graph: this is
// how an operation of package adapt/nn, which takes nodes alone, finds it. What
// is wrong with a node, and a panic of f, is recorded in the graph as an error of
// the operation. Where no node is in a graph of ours there is no graph to record
// it in: the result is then a node that no graph compiles, with that error.
func Build(name string, f func(g *Graph) *Node, nodes ...*Node) *Node {
	var g *Graph
	for _, n := range nodes {
		if h, ok := Of(n); ok {
			g = h
			break
		}
	}
	if g == nil {
		g = New(nil)
		g.Fail("%s: none of its inputs is a node of a graph of clipcalib: start from a node that the library hands out",
			name)
		return g.placeholder(nil)
	}
	for i, n := range nodes {
		if err := g.accept(n); err != nil {
			g.Fail("%s: input %d: %w", name, i, err)
		}
	}
	return g.Try(name, nodes, f)
}

// Try calls f, which builds something of the nodes, and returns its result; a
// panic of f is recorded as an error of what name says is being built.
func (g *Graph) Try(name string, nodes []*Node, f func(g *Graph) *Node) (n *Node) {
	if g.err != nil {
		return g.placeholder(nodes)
	}
	defer func() {
		if r := recover(); r != nil {
			g.Fail("%s: %w", name, explain(r))
			n = g.placeholder(nodes)
		}
	}()
	n = f(g)
	if g.err == nil {
		if err := g.accept(n); err != nil {
			g.Fail("%s: its result: %w", name, err)
		}
	}
	if g.err != nil {
		return g.placeholder(nodes)
	}
	return n
}

// accept says why n cannot be used in g.
func (g *Graph) accept(n *Node) error {
	switch {
	case n == nil:
		return errors.New("the node is missing (nil)")
	case n.Graph() == g.g:
	case n.Graph() == nil && isConstant(n):
	default:
		if h, ok := Of(n); ok && h.err != nil {
			return h.err
		}
		return fmt.Errorf("%s is a node of another graph: "+
			"make leaves in the graph that the operation's other nodes are in (node.Graph())", Name(n))
	}
	if dt := n.Dtype(); dt != tensor.Float32 && dt != tensor.Int32 {
		return fmt.Errorf("%s is of type %v: use float32 (or int32 for indices and labels)", Name(n), dt)
	}
	return nil
}

// Name is what errors call a node: its name, or its operation, and its shape.
func Name(n *Node) string {
	if n == nil {
		return "a missing node"
	}
	if n.Op() == nil || isConstant(n) {
		return fmt.Sprintf("%q %v", plainName(n), n.Shape())
	}
	return fmt.Sprintf("%v %v", n.Op(), n.Shape())
}

// isConstant says whether n holds a value that never changes.
func isConstant(n *Node) bool {
	c, ok := n.Op().(interface{ Value() G.Value })
	return ok && c != nil
}

// explain makes an error of what a function panicked with; Gorgonia's own words
// for the commonest mistake say nothing of its remedy.
func explain(r any) error {
	err, ok := r.(error)
	if !ok {
		err = fmt.Errorf("%v", r)
	}
	if strings.Contains(err.Error(), "Not all children have the same graph") {
		return fmt.Errorf("nodes of different graphs meet: make leaves in the graph of the nodes that are handed in "+
			"(node.Graph()): %w", err)
	}
	return err
}
