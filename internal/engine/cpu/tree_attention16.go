package cpu

import (
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/scratch"

	"gorgonia.org/tensor"
)

// treeAttention16 is TreeAttention over activations in 16 bits, if its sizes are
// those that package bgemm is built for.
func (e *Engine) treeAttention16(out, qkv *tensor.Dense, t trie, h heads) bool {
	x, y := b16(qkv), b16(out)
	if x == nil || y == nil || h.dim != bgemm.TreeHead {
		return false
	}
	if _, ok := bgemm.NewPaths(x, h.count, maxDepth, h.scale); !ok {
		return false
	}
	e.rows(h.rows, 2*h.width, func(lo, hi int) {
		p, _ := bgemm.NewPaths(x, h.count, maxDepth, h.scale)
		t.walk(lo, hi, func(i int, path []int32) { p.Attend(y[i*h.width:], path) })
	})
	return true
}

// treeGradient16 is TreeAttentionGrad over activations in 16 bits, if its sizes
// are those that package bgemm is built for. First the threads take nodes, by
// twos, then heads, so that every sum runs in the order of the nodes.
func (e *Engine) treeGradient16(dqkv, qkv, out, dout, tree *tensor.Dense, count int) (bool, error) {
	x, dx := b16(qkv), b16(dqkv)
	if x == nil || dx == nil {
		return false, nil
	}
	h, err := newHeads(qkv, count)
	if err != nil || h.dim != bgemm.TreeHead {
		return false, err
	}
	t, err := newTrie(tree, h.rows)
	n := h.rows * h.width
	if err := first(err, activations(sized{"result", dqkv, 3 * n}, sized{"attention's result", out, n}),
		want("its gradient", dout, n)); err != nil {
		return false, err
	}
	deepest := 0
	for _, d := range t.depth {
		deepest = max(deepest, int(d)+1)
	}
	buf := scratch.Get(bgemm.LentToPaths(h.rows, count, deepest))
	defer buf.Put()
	g, ok := bgemm.NewPathsGradient(dx, x, f32(dout), buf.Data, h.rows, count, deepest, h.scale)
	if !ok {
		return false, nil
	}
	e.rows((h.rows+1)/2, 4*h.width, func(lo, hi int) {
		w := g.NewWorker(deepest)
		t.walk(2*lo, min(2*hi, h.rows), w.Node)
	})
	end := i32(tree)[2*h.rows:]
	e.each(count, 1+(1<<13)/(h.rows*h.dim), func(lo, hi int) {
		for k := lo; k < hi; k++ {
			for j, d := range t.depth {
				g.Row(j, int(d), int(end[j]), k)
			}
		}
	})
	return true, nil
}
