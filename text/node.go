package text

import (
	"fmt"

	"clipcalib/internal/device"
	"clipcalib/internal/graph"
	"clipcalib/internal/texttower"
	"clipcalib/internal/tower"

	"gorgonia.org/gorgonia"
)

// Contexts are learned context vectors in a graph of one's own: row i of each
// node belongs to the trie's nodes that hold [ContextToken](i).
type Contexts struct {
	// First [M, W] take the place of token embeddings, as in CoOp.
	First *gorgonia.Node
	// Deep prompts, each [M, W], take the place of the same nodes' states, as in
	// MaPLe: Deep[i] at the input of block i+1.
	Deep []*gorgonia.Node
}

// Node puts the text tower into a graph of one's own: the contexts, nodes of
// that graph, to the features [P, D] of the trie's prompts, not normalised. The
// tower's parameters are frozen; gradients flow to the contexts. (Prompts
// without learned contexts are for [Encoder.Encode].) The graph must be on the
// encoder's device, and not run after the encoder is closed. What is wrong is an
// error of the graph, reported where it is compiled.
func (e *Encoder) Node(t *Trie, contexts Contexts) *gorgonia.Node {
	nodes := append([]*gorgonia.Node{contexts.First}, contexts.Deep...)
	return graph.Build("text tower", func(g *graph.Graph) *graph.Node {
		for i, n := range nodes {
			shape := n.Shape()
			if len(shape) != 2 || shape[0] < t.NumContexts() || shape[1] != e.config.Text.Width {
				g.Fail("text tower: contexts of block %d have shape %v: want [M, %d], M at least the trie's %d",
					i, shape, e.config.Text.Width, t.NumContexts())
				return n
			}
		}
		if err := e.takes(t); err != nil {
			g.Fail("text tower: %w", err)
			return contexts.First
		}
		if g.Engine != device.Engine(e.device) {
			g.Fail("text tower: the graph is on another device than the encoder, %s", e.device)
			return contexts.First
		}
		in := texttower.Contexts{First: contexts.First, Deep: contexts.Deep}
		return texttower.WithContexts(g, tower.Of(g, e), e.config, t.nodes(), in)
	}, nodes...)
}

// takes says what of a trie the tower cannot take.
func (e *Encoder) takes(t *Trie) error {
	c := e.config.Text
	for i, d := range t.Depth {
		if int(d) >= c.Context {
			return fmt.Errorf("a prompt has more than the %d tokens that the tower takes", c.Context)
		}
		if _, learned := ContextIndex(t.Token[i]); !learned && int(t.Token[i]) >= c.Vocab {
			return fmt.Errorf("token %d is beyond the text tower's vocabulary of %d", t.Token[i], c.Vocab)
		}
	}
	return nil
}
