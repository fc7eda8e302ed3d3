// Package texttower is the graph of CLIP's text tower over a token trie, with
// learned context vectors and without.
package texttower

import (
	"fmt"

	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/tower"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Inputs are the leaves of a graph that hold a token trie, of a size fixed
// when the graph is built; a smaller trie is padded.
type Inputs struct {
	Tokens   *graph.Node // int32 [N]: row of the token embedding, -1 for a learned context
	Contexts *graph.Node // int32 [N]: row of the learned contexts, -1 for a token
	Depth    *graph.Node // int32 [N]: position
	Tree     *graph.Node // int32 [3, N]: parent, depth, end
	Read     *graph.Node // int32 [P]: the end-of-text node of each prompt
	// Shift [positions, W] is added to the states by position; nil adds nothing.
	Shift *graph.Node
}

// NewInputs adds the leaves for a trie of at most nodes nodes and prompts
// prompts.
func NewInputs(g *graph.Graph, nodes, prompts int) Inputs {
	return Inputs{
		Tokens:   g.Input("trie tokens", tensor.Int32, nodes),
		Contexts: g.Input("trie contexts", tensor.Int32, nodes),
		Depth:    g.Input("trie depths", tensor.Int32, nodes),
		Tree:     g.Input("trie", tensor.Int32, 3, nodes),
		Read:     g.Input("end-of-text nodes", tensor.Int32, prompts),
	}
}

// Trie is the nodes of a text.Trie, which says what they are: the children of a
// node come right behind it.
type Trie struct {
	Token              []int32 // id of each node; -1 for a context vector
	Context            []int32 // context vector of each node; -1 for a token
	Parent, Depth, End []int32
	EOT                []int32 // end-of-text node of each prompt
}

// Split tells a trie's tokens from its context vectors, as which tells them.
func (t Trie) Split(which func(token int32) (context int, ok bool)) Trie {
	token := t.Token
	t.Token, t.Context = make([]int32, len(token)), make([]int32, len(token))
	for i, id := range token {
		t.Token[i], t.Context[i] = id, -1
		if c, ok := which(id); ok {
			t.Token[i], t.Context[i] = -1, int32(c)
		}
	}
	return t
}

// Set puts a trie into the leaves. row maps a token to its row of the
// embedding; nil is the token itself. The nodes added to fill the leaves stand
// alone, so they reach no other node; the prompts added read nothing.
func (in Inputs) Set(g *graph.Graph, t Trie, row func(token int32) int32) error {
	nodes, prompts := in.Tokens.Shape()[0], in.Read.Shape()[0]
	if len(t.Token) > nodes || len(t.EOT) > prompts {
		return fmt.Errorf("a trie of %d nodes and %d prompts does not fit the graph's %d and %d",
			len(t.Token), len(t.EOT), nodes, prompts)
	}
	tokens, contexts, read := make([]int32, nodes), make([]int32, nodes), make([]int32, prompts)
	tree := make([]int32, 3*nodes)
	parent, depth, end := tree[:nodes], tree[nodes:2*nodes], tree[2*nodes:]
	for i := range nodes {
		tokens[i], contexts[i] = -1, -1
		parent[i], end[i] = -1, int32(i+1)
	}
	copy(parent, t.Parent)
	copy(depth, t.Depth)
	copy(end, t.End)
	copy(tokens, t.Token)
	copy(contexts, t.Context)
	for i, token := range t.Token {
		if token >= 0 && row != nil {
			tokens[i] = row(token)
		}
	}
	for i := copy(read, t.EOT); i < prompts; i++ {
		read[i] = -1
	}
	for _, s := range []struct {
		leaf *graph.Node
		data []int32
	}{{in.Tokens, tokens}, {in.Contexts, contexts}, {in.Depth, depth}, {in.Tree, tree}, {in.Read, read}} {
		if err := g.Set(s.leaf, s.data); err != nil {
			return err
		}
	}
	return nil
}

// Tower is the graph of the text tower: a token trie to the features [P, D] of
// its prompts, not normalised. p holds the parameters by their OpenAI names.
// contexts [M, W], or nil, are learned context vectors, which can have
// gradients while the token embedding has none. With train the graph is one
// that gradients can be taken of.
func Tower(g *graph.Graph, p tower.Scope, c weights.Config, in Inputs, contexts *graph.Node, train bool) *graph.Node {
	return towerWith(g, p, c, in, contexts, train, nil)
}

// towerWith is Tower with a hook before every block but the first.
func towerWith(g *graph.Graph, p tower.Scope, c weights.Config, in Inputs, contexts *graph.Node, train bool,
	before func(i int, x *graph.Node) *graph.Node,
) *graph.Node {
	p = p.NormEps(c.TextNormEps())
	x := ops.Gather(g, p.Get("token_embedding.weight"), in.Tokens)
	if contexts != nil {
		x = ops.Add(g, x, ops.Gather(g, contexts, in.Contexts))
	}
	x = ops.AddRows(g, x, p.Get("positional_embedding"), in.Depth)
	if in.Shift != nil {
		x = ops.AddRows(g, x, in.Shift, in.Depth)
	}
	blocks := tower.Blocks{Layers: c.Text.Layers, Act: tower.Act(c.TextActivation()), Train: train, Before: before,
		Attend: func(qkv *graph.Node) *graph.Node { return ops.TreeAttention(g, qkv, in.Tree, c.Text.Heads) }}
	x = blocks.Apply(g, p.Sub("transformer"), x, in.Read)
	return tower.Head(g, p, x, "ln_final", "text_projection")
}
