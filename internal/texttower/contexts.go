package texttower

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/tower"
	"clipcalib/weights"
)

// Contexts are the learned vectors in a graph of the text tower. A node of the
// trie that holds context vector i takes row i of each.
type Contexts struct {
	// First [M, W] take the place of token embeddings.
	First *graph.Node
	// Deep prompts, each [M, W], take the place of the same nodes' states:
	// Deep[i] at the input of block i+1.
	Deep []*graph.Node
}

// WithContexts is Tower for a trie that is known when the graph is built, with
// learned contexts in it: the features [P, D] of the trie's prompts, not
// normalised, ready to be differentiated. The trie's leaves are set here.
func WithContexts(g *graph.Graph, p tower.Scope, c weights.Config, t Trie, ctx Contexts) *graph.Node {
	in := NewInputs(g, len(t.Token), len(t.EOT))
	if g.Err() == nil {
		if err := in.Set(g, t, nil); err != nil {
			g.Fail("%w", err)
		}
	}
	if len(ctx.Deep) >= c.Text.Layers {
		g.Fail("deep prompts for %d blocks after the first: the text tower has %d in all", len(ctx.Deep), c.Text.Layers)
	}
	return towerWith(g, p, c, in, ctx.First, true, func(i int, x *graph.Node) *graph.Node {
		if i > len(ctx.Deep) {
			return x
		}
		return ops.ReplaceRows(g, x, ctx.Deep[i-1], t.Context)
	})
}
