package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// stored runs a kernel with its activations, the inputs of those numbers, and
// its results in 16 bits, then with either alone in 16 bits. Results in 16 bits
// may differ by one rounding.
func (b *bench) stored(what string, in []array, activations []int, k kernel, shapes ...[]int) {
	b.Helper()
	exact := b.tol
	rounded := append([]array{}, in...)
	for _, i := range activations {
		rounded[i] = b.in16(in[i])
	}
	for _, s := range []struct{ in, out bool }{{true, true}, {true, false}, {false, true}} {
		for _, i := range activations {
			rounded[i].float16 = s.in
		}
		b.tol = exact
		if s.out {
			b.tol.each += tolerances[stored16][b.precision].each
		}
		b.sameStored(fmt.Sprintf("%s, 16 bits in: %v, out: %v", what, s.in, s.out), rounded, k, s.out, shapes...)
	}
	b.tol = exact
}

// float16Elementwise checks activations and their gradients.
func (b *bench) float16Elementwise() {
	for _, n := range []int{1, 7, 64, 5003} {
		for act := engine.Identity; act <= engine.ReLU; act++ {
			in := []array{b.normal(n), b.normal(n)}
			b.stored(fmt.Sprint("Act ", act, n), in, []int{0}, func(e engine.Engine, i, o tensors) error {
				return e.Act(o[0], i[0], act)
			}, sh(n))
			b.stored(fmt.Sprint("ActGrad ", act, n), in, []int{0}, func(e engine.Engine, i, o tensors) error {
				return e.ActGrad(o[0], i[0], i[1], act)
			}, sh(n))
		}
	}
}

// float16LayerNorm checks rows that are held in registers and others.
func (b *bench) float16LayerNorm() {
	for _, s := range [][2]int{{1, 1}, {3, 7}, {5, 8}, {9, 512}, {6, 768}, {5, 1280}, {2, 1288}, {65, 129}} {
		m, n := s[0], s[1]
		in := []array{b.normal(m, n), b.normal(n), b.normal(n)}
		b.stored(fmt.Sprint("LayerNorm ", s), in, []int{0}, func(e engine.Engine, i, o tensors) error {
			return e.LayerNorm(o[0], i[0], i[1], i[2], 1e-5)
		}, sh(m, n))
	}
}

// float16Rows checks the kernels that move rows, and those of images.
func (b *bench) float16Rows() {
	for _, s := range [][3]int{{1, 1, 1}, {5, 9, 3}, {40, 100, 65}, {7, 30, 64}} {
		rows, n, w := s[0], s[1], s[2]
		in := []array{b.normal(rows, w), b.normal(n, w), b.indices(n, -1, rows)}
		one := func(what string, activations []int, k kernel, shapes ...[]int) {
			b.Helper()
			b.stored(fmt.Sprint(what, " ", s), in, activations, k, shapes...)
		}
		one("Gather", []int{0}, func(e engine.Engine, i, o tensors) error { return e.Gather(o[0], i[0], i[2]) },
			sh(n, w))
		one("AddRows", []int{1}, func(e engine.Engine, i, o tensors) error { return e.AddRows(o[0], i[1], i[0], i[2]) },
			sh(n, w))
		one("Concat", []int{0, 1}, func(e engine.Engine, i, o tensors) error { return e.Concat(o[0], i[0], i[1], i[0]) },
			sh(2*rows+n, w))
		one("Concat of both", []int{0}, func(e engine.Engine, i, o tensors) error { return e.Concat(o[0], i[0], i[1]) },
			sh(rows+n, w))
		one("Slice", []int{1}, func(e engine.Engine, i, o tensors) error { return e.Slice(o[0], i[1], n/2) },
			sh(n-n/2, w))
	}
	for _, s := range [][3]int{{1, 4, 10}, {3, 9, 64}} {
		batch, n, w := s[0], s[1], s[2]
		in := []array{b.normal(batch*n, w), b.normal(w), b.normal(n+1, w)}
		b.stored(fmt.Sprint("Tokens ", s), in, []int{0}, func(e engine.Engine, i, o tensors) error {
			return e.Tokens(o[0], i[0], i[1], i[2])
		}, sh(batch*(n+1), w))
	}
	for _, s := range [][4]int{{1, 4, 2, 0}, {2, 28, 7, 5}, {3, 32, 16, 0}, {1, 16, 8, 3}} {
		batch, side, patch, extra := s[0], s[1], s[2], s[3]
		n := side / patch * (side / patch)
		b.expect(stored16)
		b.sameStored(fmt.Sprint("Patchify ", s), []array{b.normal(batch, 3, side, side)},
			func(e engine.Engine, i, o tensors) error {
				return e.Patchify(o[0], i[0], patch)
			}, true, sh(batch*n, 3*patch*patch+extra))
	}
}

// float16TreeAttention checks attention over a trie and its gradient.
func (b *bench) float16TreeAttention() {
	for _, s := range [][3]int{{1, 1, 4}, {150, 4, 16}, {131, 2, 64}, {40, 4, 64}, {65, 1, 33}, {66, 1, 128}} {
		b.trie16(fmt.Sprint(s), randomTrie(b.r, s[0], 30), s[1], s[2])
	}
	b.trie16("prompts", promptTrie(17, 100, 3), 3, 64)
}

func (b *bench) trie16(what string, trie []int32, heads, dim int) {
	b.Helper()
	n, w := len(trie)/3, heads*dim
	in := []array{b.normal(n, 3*w), ints(trie, 3, n), b.normal(n, w)}
	forward := func(e engine.Engine, i, o tensors) error { return e.TreeAttention(o[0], i[0], i[1], heads) }
	b.expect(attention16)
	b.stored("TreeAttention "+what, in, []int{0}, forward, sh(n, w))
	in[0] = b.in16(in[0])
	in[0].float16 = false
	out := floats(b.run(b.ref, what, in, forward, false, [][]int{sh(n, w)})[0], n, w)
	// the output is rounded, and the reference does not use it
	b.tol = tolerance{of: tolerances[stored16][b.precision].each}
	b.stored("TreeAttentionGrad "+what, append(in, out), []int{0, 3}, func(e engine.Engine, i, o tensors) error {
		return e.TreeAttentionGrad(o[0], i[0], i[3], i[2], i[1], heads)
	}, sh(n, 3*w))
}
