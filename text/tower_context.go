package text

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/internal/device"
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

// PromptTower is Tower for a trie that is known when the graph is built, with
// learned contexts in it: the features [P, D] of the trie's prompts, not
// normalised, ready to be differentiated. The trie's leaves are set here.
func PromptTower(g *graph.Graph, p tower.Scope, c weights.Config, t *Trie, ctx Contexts) *graph.Node {
	in := NewInputs(g, t.Len(), t.NumPrompts())
	if g.Err() == nil {
		if err := in.Set(g, t, nil); err != nil {
			g.Fail("%w", err)
		}
	}
	if len(ctx.Deep) >= c.Text.Layers {
		g.Fail("deep prompts for %d blocks after the first: the text tower has %d in all", len(ctx.Deep), c.Text.Layers)
	}
	from := t.contextRows()
	return towerWith(g, p, c, in, ctx.First, true, func(i int, x *graph.Node) *graph.Node {
		if i > len(ctx.Deep) {
			return x
		}
		return ops.ReplaceRows(g, x, ctx.Deep[i-1], from)
	})
}

// contextRows returns the context vector of every node, -1 for a token.
func (t *Trie) contextRows() []int32 {
	out := make([]int32, t.Len())
	for i, token := range t.Token {
		out[i] = -1
		if c, ok := ContextIndex(token); ok {
			out[i] = int32(c)
		}
	}
	return out
}

// Bind shows the encoder's parameters, which are frozen, as leaves of g, a
// graph on the encoder's engine. The graph must not run while the encoder
// does, and not after it is closed.
func (e *Encoder) Bind(g *graph.Graph) tower.Scope {
	if e.weights == nil {
		g.Fail("the encoder is closed")
		return tower.NewWeights(device.Engine(e.device)).Bind(g)
	}
	return e.weights.Bind(g)
}

// Embeddings returns the token embeddings [len(tokens), W], one row after the
// other, without positions: what learned contexts that start from a phrase
// start from.
func (e *Encoder) Embeddings(ctx context.Context, tokens []int32) ([]float32, error) {
	for i, t := range tokens {
		if t < 0 || int(t) >= e.config.Text.Vocab {
			return nil, fmt.Errorf("token %d is %d, outside the text tower's vocabulary of %d", i, t, e.config.Text.Vocab)
		}
	}
	if len(tokens) == 0 {
		return nil, nil
	}
	release, err := device.Hold(ctx, e.device)
	if err != nil {
		return nil, err
	}
	defer release()
	if e.weights == nil {
		return nil, errors.New("the encoder is closed")
	}
	g := graph.New(device.Engine(e.device))
	defer g.Close()
	rows := ops.Rows(g, e.weights.Bind(g).Get("token_embedding.weight"), tokens)
	p, err := g.Compile(rows)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	return p.Float32(rows)
}

// NewGraph returns an empty graph on the encoder's engine, for Bind.
func (e *Encoder) NewGraph() *graph.Graph { return graph.New(device.Engine(e.device)) }
