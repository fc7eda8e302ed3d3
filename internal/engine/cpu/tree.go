package cpu

import (
	"fmt"

	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// maxDepth bounds the ancestors of a node of a token trie.
const maxDepth = 128

// trie is a checked token trie: for each node in depth-first order, its parent
// (-1 at a root) and its depth.
type trie struct{ parent, depth []int32 }

func newTrie(tree *tensor.Dense, n int) (trie, error) {
	if err := wantInts("token trie", tree, 3*n); err != nil {
		return trie{}, err
	}
	d := i32(tree)
	t := trie{d[:n], d[n : 2*n]}
	var path [maxDepth]int32
	for i, p := range t.parent {
		depth := t.depth[i]
		switch {
		case depth < 0 || depth >= maxDepth:
			return t, fmt.Errorf("token trie: node %d has depth %d, the most is %d", i, depth, maxDepth-1)
		case depth == 0 && p != -1, depth > 0 && (i == 0 || t.depth[i-1] < depth-1 || path[depth-1] != p):
			return t, fmt.Errorf("token trie: node %d of depth %d does not follow its parent %d in depth-first order", i, depth, p)
		}
		path[depth] = int32(i)
	}
	return t, nil
}

// walk calls visit for the nodes [lo, hi) with the path from their root down
// to the node itself.
func (t trie) walk(lo, hi int, visit func(i int, path []int32)) {
	var path [maxDepth]int32
	if lo < hi {
		for i := int32(lo); i >= 0; i = t.parent[i] {
			path[t.depth[i]] = i
		}
	}
	for i := lo; i < hi; i++ {
		path[t.depth[i]] = int32(i)
		visit(i, path[:t.depth[i]+1])
	}
}

// probabilities writes the softmax over the path of the scores of query i.
func (h heads) probabilities(p, x []float32, i, k int, path []int32) {
	q := h.query(x, i, k)[:h.dim]
	for a, j := range path {
		p[a] = vec.Dot(q, h.query(x, int(j), k)[h.width:h.width+h.dim])
	}
	s := 1 / vec.Exp(p, p, h.scale, h.scale*vec.Max(p))
	for a := range p {
		p[a] *= s
	}
}

// TreeAttention lets every node attend to its ancestors and itself, for each
// head:
//
//	for i in [0, N):
//	    p = softmax over j in path(i) of scale * q[i].k[j]
//	    out[i] = sum over j in path(i) of p[j] * v[j]
//
// The threads take runs of nodes; each keeps the path as a stack.
func (e *Engine) TreeAttention(out, qkv, tree *tensor.Dense, count int) error {
	h, err := newHeads(qkv, count)
	if err != nil {
		return err
	}
	t, err := newTrie(tree, h.rows)
	if err != nil {
		return err
	}
	if err := want("result", out, h.rows*h.width); err != nil {
		return err
	}
	x, y := f32(qkv), f32(out)
	e.rows(h.rows, 8*h.width, func(lo, hi int) {
		var buf [maxDepth]float32
		t.walk(lo, hi, func(i int, path []int32) {
			p := buf[:len(path)]
			for k := 0; k < h.count; k++ {
				h.probabilities(p, x, i, k, path)
				o := h.at(y, i, k)[:h.dim]
				clear(o)
				for a, j := range path {
					vec.Axpy(p[a], h.query(x, int(j), k)[2*h.width:2*h.width+h.dim], o)
				}
			}
		})
	})
	return nil
}

// TreeAttentionGrad differentiates TreeAttention, recomputing p:
//
//	for i in [0, N), j in path(i):
//	    ds = scale * p[j] * (dout[i].v[j] - dout[i].out[i])
//	    dq[i] += ds * k[j]
//	    dk[j] += ds * q[i]
//	    dv[j] += p[j] * dout[i]
//
// The threads take heads, so that no two add to the same place and every sum
// runs in the order of the nodes.
func (e *Engine) TreeAttentionGrad(dqkv, qkv, out, dout, tree *tensor.Dense, count int) error {
	h, err := newHeads(qkv, count)
	if err != nil {
		return err
	}
	t, err := newTrie(tree, h.rows)
	if err != nil {
		return err
	}
	if err := h.gradFits(dqkv, out, dout); err != nil {
		return err
	}
	x, y, dy, dx := f32(qkv), f32(out), f32(dout), f32(dqkv)
	clear(dx)
	w, d := h.width, h.dim
	e.each(count, 1+(1<<13)/(h.rows*d), func(lo, hi int) {
		buf := scratch.Get(maxDepth)
		defer buf.Put()
		t.walk(0, h.rows, func(i int, path []int32) {
			p := buf.Data[:len(path)]
			for k := lo; k < hi; k++ {
				h.probabilities(p, x, i, k, path)
				q, dq := h.query(x, i, k)[:d], h.query(dx, i, k)[:d]
				g := h.at(dy, i, k)[:d]
				mean := vec.Dot(g, h.at(y, i, k)[:d])
				for a, j := range path {
					kv, dkv := h.query(x, int(j), k), h.query(dx, int(j), k)
					ds := h.scale * p[a] * (vec.Dot(g, kv[2*w:2*w+d]) - mean)
					vec.Axpy(ds, kv[w:w+d], dq)
					vec.Axpy(ds, q, dkv[w:w+d])
					vec.Axpy(p[a], g, dkv[2*w:2*w+d])
				}
			}
		})
	})
	return nil
}
