package graph

import (
	"fmt"
	"sync"

	G "gorgonia.org/gorgonia"
)

// graphs finds a graph by Gorgonia's, for operations that are given nodes alone.
var graphs sync.Map // *G.ExprGraph to *Graph

// Of returns the graph that a node belongs to, and whether it is one of ours
// that is not closed.
func Of(n *Node) (*Graph, bool) {
	if n == nil {
		return nil, false
	}
	g, ok := graphs.Load(n.Graph())
	if !ok {
		return nil, false
	}
	return g.(*Graph), true
}

func (g *Graph) register(of *G.ExprGraph) { graphs.Store(of, g) }

func (g *Graph) unregister() { graphs.Delete(g.g) }

// Blame puts who is at fault before the error of building, if there is one.
func (g *Graph) Blame(who string) {
	if g.err != nil {
		g.err = fmt.Errorf("%s: %w", who, g.err)
	}
}
