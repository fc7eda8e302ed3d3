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
	t, end := trie{d[:n], d[n : 2*n]}, d[2*n:]
	var path [maxDepth]int32
	ends := func(depth, at int) error { // of the nodes of the path from that depth on
		for i := at - 1; i >= 0 && depth <= int(t.depth[at-1]); depth++ {
			if i = int(path[depth]); int(end[i]) != at {
				return fmt.Errorf("token trie: node %d ends at %d, its last descendant before %d", i, end[i], at)
			}
		}
		return nil
	}
	for i, p := range t.parent {
		depth := t.depth[i]
		switch {
		case depth < 0 || depth >= maxDepth:
			return t, fmt.Errorf("token trie: node %d has depth %d, the most is %d", i, depth, maxDepth-1)
		case depth == 0 && p != -1, depth > 0 && (i == 0 || t.depth[i-1] < depth-1 || path[depth-1] != p):
			return t, fmt.Errorf("token trie: node %d of depth %d does not follow its parent %d in depth-first order",
				i, depth, p)
		}
		if err := ends(int(depth), i); err != nil {
			return t, err
		}
		path[depth] = int32(i)
	}
	return t, ends(0, n)
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

// probabilities writes to p, for each of the heads in q, the softmax over the
// path of the scores of query q: p[k*maxDepth+a] for head k and ancestor a.
func (h heads) probabilities(p, q, x []float32, first int, path []int32) {
	for a, j := range path {
		vec.HeadDots(p[a:], maxDepth, q, h.query(x, int(j), first)[h.width:], h.dim)
	}
	for k := 0; k < len(q)/h.dim; k++ {
		row := p[k*maxDepth:][:len(path)]
		s := 1 / vec.Exp(row, row, h.scale, h.scale*vec.Max(row))
		for a := range row {
			row[a] *= s
		}
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
	if err := activations(sized{"result", out, h.rows * h.width}); err != nil {
		return err
	}
	if e.treeAttention16(out, qkv, t, h) {
		return nil
	}
	if isFloat16(out, qkv) {
		return e.inFloat32(out, []*tensor.Dense{qkv}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.TreeAttention(out, in[0], tree, count)
		})
	}
	x, y := f32(qkv), f32(out)
	e.rows(h.rows, 8*h.width, func(lo, hi int) {
		buf := scratch.Get(h.count * maxDepth)
		defer buf.Put()
		p := buf.Data
		t.walk(lo, hi, func(i int, path []int32) {
			h.probabilities(p, h.query(x, i, 0)[:h.width], x, 0, path)
			o := h.at(y, i, 0)[:h.width]
			clear(o)
			for a, j := range path {
				vec.HeadAxpy(p[a:], maxDepth, h.query(x, int(j), 0)[2*h.width:3*h.width], o, h.dim)
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
	if done, err := e.treeGradient16(dqkv, qkv, out, dout, tree, count); done || err != nil {
		return err
	}
	if isFloat16(dqkv, qkv, out) {
		return e.inFloat32(dqkv, []*tensor.Dense{qkv, out}, func(dqkv *tensor.Dense, in []*tensor.Dense) error {
			return e.TreeAttentionGrad(dqkv, in[0], in[1], dout, tree, count)
		})
	}
	h, err := newHeads(qkv, count)
	if err != nil {
		return err
	}
	t, err := newTrie(tree, h.rows)
	if err != nil {
		return err
	}
	if err := first(want("projections", qkv, 3*h.rows*h.width), wantAll(h.gradient(dqkv, out, dout)...)); err != nil {
		return err
	}
	x, y, dy, dx := f32(qkv), f32(out), f32(dout), f32(dqkv)
	clear(dx)
	w, d := h.width, h.dim
	e.each(count, 1+(1<<13)/(h.rows*d), func(lo, hi int) {
		n := (hi - lo) * d
		buf := scratch.Get((hi - lo) * (maxDepth + 2))
		defer buf.Put()
		p := buf.Data[:(hi-lo)*maxDepth]
		ds, mean := buf.Data[len(p):][:hi-lo], buf.Data[len(p)+hi-lo:]
		t.walk(0, h.rows, func(i int, path []int32) {
			q, dq, g := h.query(x, i, lo)[:n], h.query(dx, i, lo)[:n], h.at(dy, i, lo)[:n]
			h.probabilities(p, q, x, lo, path)
			vec.HeadDots(mean, 1, g, h.at(y, i, lo), d)
			for a, j := range path {
				kv, dkv := h.query(x, int(j), lo), h.query(dx, int(j), lo)
				vec.HeadDots(ds, 1, g, kv[2*w:], d)
				for k := range ds {
					ds[k] = h.scale * p[k*maxDepth+a] * (ds[k] - mean[k])
				}
				vec.HeadAxpy(ds, 1, kv[w:w+n], dq, d)
				vec.HeadAxpy(ds, 1, q, dkv[w:], d)
				vec.HeadAxpy(p[a:], maxDepth, g, dkv[2*w:], d)
			}
		})
	})
	return nil
}
