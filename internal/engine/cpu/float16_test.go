package cpu

import (
	"slices"
	"testing"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// float16Of returns random values in 16 bits.
func float16Of(t testing.TB, e *Engine, shape ...int) *tensor.Dense {
	t.Helper()
	wide := benchTensor(t, e, shape...)
	for i := range f32(wide) {
		f32(wide)[i] *= 50 // to the order of 1
	}
	n := e.ViewFloat16(benchTensor(t, e, (elements(wide)+1)/2), shape...)
	if err := e.Cast(n, wide); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestThreadsGiveTheSameBits runs the kernels over 16-bit activations on one to
// five threads.
func TestThreadsGiveTheSameBits(t *testing.T) {
	const nodes, heads, width = 37, 8, 512
	tree := make([]int32, 3*nodes) // a stem of 4, and branches of 3
	for i := range nodes {
		tree[i], tree[nodes+i], tree[2*nodes+i] = int32(i-1), int32(i), nodes
		if b := i - 4; b >= 0 {
			tree[nodes+i], tree[2*nodes+i] = int32(4+b%3), int32(i-b%3+3)
			if b%3 == 0 {
				tree[i] = 3
			}
		}
	}
	var want [][]uint16
	for threads := 1; threads <= 5; threads++ {
		e, err := New(Options{Threads: threads, BF16: true})
		if err != nil {
			t.Fatal(err)
		}
		if !e.StoresFloat16() {
			t.Skip("this processor keeps activations in float32")
		}
		trie, err := e.New(tensor.Int32, 3, nodes)
		if err != nil {
			t.Fatal(err)
		}
		copy(i32(trie), tree)
		x, w := float16Of(t, e, nodes, width), benchTensor(t, e, 3*width, width)
		e.Freeze(w)
		qkv, out, own := float16Of(t, e, nodes, 3*width), float16Of(t, e, nodes, width), float16Of(t, e, nodes, width)
		dqkv, norm := float16Of(t, e, nodes, 3*width), float16Of(t, e, nodes, width)
		down, dw, db := float16Of(t, e, nodes, 3*width), float16Of(t, e, 3*width, width), benchTensor(t, e, 3*width)
		gamma, dout := benchTensor(t, e, width), benchTensor(t, e, nodes, width)
		if err := first(
			e.Gemm(engine.Gemm{Out: qkv, A: x, B: w, TransB: true, Alpha: 1, Act: engine.GELU}),
			e.Attention(own, qkv, 1, nodes, heads),
			e.TreeAttention(out, qkv, trie, heads),
			e.TreeAttentionGrad(dqkv, qkv, out, dout, trie, heads),
			e.LayerNorm(norm, out, gamma, gamma, 1e-5),
			e.AttentionGrad(down, qkv, own, dout, 1, nodes, heads),
			e.Gemm(engine.Gemm{Out: dw, A: down, B: x, TransA: true, Alpha: 1, Narrow: true}),
			e.ColSum(db, down),
		); err != nil {
			t.Fatal(err)
		}
		sum := float16Of(t, e, 3*width)
		if err := e.Cast(sum, db); err != nil {
			t.Fatal(err)
		}
		for i, r := range []*tensor.Dense{qkv, own, out, dqkv, norm, down, dw, sum} {
			if threads == 1 {
				want = append(want, slices.Clone(b16(r)))
			} else if !slices.Equal(want[i], b16(r)) {
				t.Errorf("%d threads: result %d differs", threads, i)
			}
		}
		e.Close()
	}
}
