package text

import (
	"fmt"
	"math"

	"clipcalib/internal/texttower"
)

// firstContext is the first id that stands for a learned context vector.
const firstContext = VocabSize

// ContextToken returns the id that stands for learned context vector i in the
// prompts of NewTrie: [SOT, ContextToken(0), ..., class ids, ..., EOT] is a
// prompt like any other. Class-specific contexts use vectors of their own.
func ContextToken(i int) int32 { return int32(firstContext + i) }

// ContextIndex returns the context vector a token stands for, false for an
// ordinary token.
func ContextIndex(token int32) (int, bool) {
	return int(token) - firstContext, token >= firstContext
}

// Trie holds many prompts as one forest in which a prefix shared by several
// prompts is there once. Under a causal mask the state of a token depends on
// its ancestors only, so a transformer run over the nodes, each attending to
// itself and its ancestors, gives exactly what it gives over the prompts one
// by one.
//
// Nodes are numbered in depth-first order, children by first appearance: the
// descendants of node i are the nodes i+1 to End[i]-1. A Trie is not changed
// after NewTrie.
type Trie struct {
	// Token is the token id of each node; ids from ContextToken(0) on are
	// learned context vectors.
	Token []int32
	// Parent is the parent of each node, -1 for a root. A parent comes before
	// its children.
	Parent []int32
	// Depth is the number of ancestors of each node, which is its position in
	// every prompt that passes through it.
	Depth []int32
	// End is one past the last descendant of each node.
	End []int32
	// EOT is, for each prompt, the node of its end-of-text token. Equal
	// prompts share it.
	EOT []int32
	// Copies is the number of copies Repeat made, 1 for a trie of NewTrie. The
	// prompts of copy c are EOT[c*n : (c+1)*n] with n = len(EOT)/Copies.
	Copies int

	tokens   int             // tokens of all prompts, shared ones counted each time
	contexts map[int][]int32 // context vector -> its nodes
	vectors  int             // 1 + largest context vector
}

// NewTrie builds the trie of prompts, each as Tokens returns it. A prompt is
// cut after its first largest ordinary id, which is where CLIP reads the text
// feature: the end-of-text token. Time and memory are linear in the number of
// tokens.
func NewTrie(prompts [][]int32) (*Trie, error) {
	total := 0
	cut := make([][]int32, len(prompts))
	for i, p := range prompts {
		n, err := promptLen(p)
		if err != nil {
			return nil, fmt.Errorf("prompt %d: %w", i, err)
		}
		cut[i] = p[:n]
		total += n
	}
	if total > math.MaxInt32 {
		return nil, fmt.Errorf("%d tokens in all prompts: more than a trie can number", total)
	}
	g := newGrowingTrie(total)
	eot := make([]int32, len(cut))
	for i, p := range cut {
		eot[i] = g.insert(p)
	}
	t := g.depthFirst(eot)
	t.tokens, t.Copies = total, 1
	t.indexContexts()
	return t, nil
}

// promptLen returns the length of p up to and with its end-of-text token.
func promptLen(p []int32) (int, error) {
	at := -1
	for i, id := range p {
		if id < 0 {
			return 0, fmt.Errorf("token %d is negative (%d)", i, id)
		}
		if id < firstContext && (at < 0 || id > p[at]) {
			at = i
		}
	}
	if at < 0 {
		return 0, fmt.Errorf("no end-of-text token among its %d tokens", len(p))
	}
	return at + 1, nil
}

// Len returns the number of nodes.
func (t *Trie) Len() int { return len(t.Token) }

// NumTokens returns the number of tokens in the prompts, each cut at its
// end-of-text token: what a computation without sharing would run over.
func (t *Trie) NumTokens() int { return t.tokens }

// NumPrompts returns the number of prompts, those of all copies.
func (t *Trie) NumPrompts() int { return len(t.EOT) }

// NumContexts returns one more than the largest context vector in use.
func (t *Trie) NumContexts() int { return t.vectors }

// ContextNodes returns, in ascending order, the nodes that hold context
// vector i. Deep prompts replace the states of these nodes between layers.
// The slice belongs to the trie.
func (t *Trie) ContextNodes(i int) []int32 { return t.contexts[i] }

// nodes is the trie as the text tower's graph takes it.
func (t *Trie) nodes() texttower.Trie {
	n := texttower.Trie{Token: t.Token, Parent: t.Parent, Depth: t.Depth, End: t.End, EOT: t.EOT}
	return n.Split(ContextIndex)
}

// Packed returns Parent, Depth and End one after the other, the int32 [3, N]
// matrix that tree attention takes.
func (t *Trie) Packed() []int32 {
	out := make([]int32, 0, 3*t.Len())
	out = append(out, t.Parent...)
	out = append(out, t.Depth...)
	return append(out, t.End...)
}

// Repeat returns b copies of the trie side by side. Context vector i of copy c
// becomes vector c*NumContexts()+i, so that every copy has contexts of its own:
// those of one image of a batch, where they depend on the image.
func (t *Trie) Repeat(b int) (*Trie, error) {
	n := t.Len()
	if b < 1 {
		return nil, fmt.Errorf("cannot repeat a trie %d times", b)
	}
	if n > 0 && b > math.MaxInt32/n || t.vectors > 0 && b > (math.MaxInt32-firstContext)/t.vectors {
		return nil, fmt.Errorf("%d copies of %d nodes and %d contexts: more than a trie can number", b, n, t.vectors)
	}
	r := &Trie{Copies: b * t.Copies, tokens: b * t.tokens}
	for c := range b {
		nodes, vectors := int32(c*n), int32(c*t.vectors)
		for i, token := range t.Token {
			if token >= firstContext {
				token += vectors
			}
			parent := t.Parent[i]
			if parent >= 0 {
				parent += nodes
			}
			r.Token = append(r.Token, token)
			r.Parent = append(r.Parent, parent)
			r.Depth = append(r.Depth, t.Depth[i])
			r.End = append(r.End, t.End[i]+nodes)
		}
		for _, e := range t.EOT {
			r.EOT = append(r.EOT, e+nodes)
		}
	}
	r.indexContexts()
	return r, nil
}

func (t *Trie) indexContexts() {
	t.contexts = map[int][]int32{}
	for node, token := range t.Token {
		if i, ok := ContextIndex(token); ok {
			t.contexts[i] = append(t.contexts[i], int32(node))
			t.vectors = max(t.vectors, i+1)
		}
	}
}
