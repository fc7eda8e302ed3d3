package enginetest

import (
	"fmt"
	"math/rand/v2"

	"clipcalib/internal/engine"
)

// randomTrie returns parents, depths and ends of a random trie of n nodes.
func randomTrie(r *rand.Rand, n, deepest int) []int32 {
	t := make([]int32, 3*n)
	parent, depth, end := t[:n], t[n:2*n], t[2*n:]
	for i := range parent {
		parent[i] = -1
		if i > 0 && r.IntN(20) > 0 {
			p := int32(i - 1)
			for r.IntN(3) == 0 && parent[p] >= 0 || depth[p]+1 >= int32(deepest) {
				p = parent[p]
			}
			parent[i], depth[i] = p, depth[p]+1
		}
	}
	for i := n - 1; i >= 0; i-- {
		end[i] = max(end[i], int32(i+1))
		if p := parent[i]; p >= 0 {
			end[p] = max(end[p], end[i])
		}
	}
	return t
}

// promptTrie returns the trie of prompts that share a context and go on with
// words of their own.
func promptTrie(context, prompts, word int) []int32 {
	n := context + prompts*word
	t := make([]int32, 3*n)
	parent, depth, end := t[:n], t[n:2*n], t[2*n:]
	for i := range n {
		parent[i], end[i] = int32(i-1), int32(n)
		if k := (i - context) % word; i >= context {
			end[i] = int32(i - k + word)
			if k == 0 {
				parent[i] = int32(context - 1)
			}
		}
		if p := parent[i]; p >= 0 {
			depth[i] = depth[p] + 1
		}
	}
	return t
}

// treeAttention checks attention over tries and its gradient.
func (b *bench) treeAttention() {
	b.expect(attentions)
	shapes := [][3]int{{1, 1, 4}, {9, 2, 5}, {150, 4, 16}, {131, 2, 64}, {64, 3, 32}, {65, 1, 33}, {333, 5, 7},
		{40, 1, 80}, {70, 1, 128}}
	if b.large {
		shapes = append(shapes, [3]int{300, 4, 16}, [3]int{211, 2, 64})
	}
	for _, s := range shapes {
		b.trie(fmt.Sprint("random", s), randomTrie(b.r, s[0], 30), s[1], s[2])
	}
	b.trie("deepest", randomTrie(b.r, 400, 127), 2, 64)
	b.trie("prompts", promptTrie(17, 100, 3), 3, 64)
	b.trie("prompts over many chunks", promptTrie(5, 1400, 3), 1, 4)
}

func (b *bench) trie(what string, trie []int32, heads, dim int) {
	b.Helper()
	n, w := len(trie)/3, heads*dim
	in := []array{b.normal(n, 3*w), b.normal(n, w), ints(trie, 3, n)}
	b.same("TreeAttention "+what, in, func(e engine.Engine, i, o tensors) error {
		return e.TreeAttention(o[0], i[0], i[2], heads)
	}, sh(n, w))
	b.same("TreeAttentionGrad "+what, in, func(e engine.Engine, i, o tensors) error {
		if err := e.TreeAttention(o[0], i[0], i[2], heads); err != nil {
			return err
		}
		return e.TreeAttentionGrad(o[1], i[0], o[0], i[1], i[2], heads)
	}, sh(n, w), sh(n, 3*w))
}
