package cudatest

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

type tensors = []*tensor.Dense

// Attention checks attention within sequences and its gradient.
func (b *Bench) Attention() {
	b.Tol = 1e-4
	for _, s := range [][4]int{{1, 1, 1, 1}, {2, 5, 3, 7}, {3, 50, 2, 64}, {2, 70, 1, 64}, {2, 17, 4, 16}, {1, 130, 1, 32}, {2, 64, 1, 40}, {2, 37, 1, 80}, {1, 33, 2, 128}} {
		b.attention(s[0], s[1], s[2], s[3])
	}
}

// LongAttention checks the lengths of the published image towers.
func (b *Bench) LongAttention() {
	b.Tol = 1e-4
	for _, tokens := range []int{50, 197, 257, 577} {
		b.attention(3, tokens, 4, 64)
	}
}

func (b *Bench) attention(batch, tokens, heads, dim int) {
	b.Helper()
	rows, w := batch*tokens, heads*dim
	in := []array{b.normal(rows, 3*w), b.normal(rows, w)}
	what := fmt.Sprint([]int{batch, tokens, heads, dim})
	b.same("Attention "+what, in, func(e engine.Engine, i, o tensors) error {
		return e.Attention(o[0], i[0], batch, tokens, heads)
	}, sh(rows, w))
	b.same("AttentionGrad "+what, in, func(e engine.Engine, i, o tensors) error {
		if err := e.Attention(o[0], i[0], batch, tokens, heads); err != nil {
			return err
		}
		return e.AttentionGrad(o[1], i[0], o[0], i[1], batch, tokens, heads)
	}, sh(rows, w), sh(rows, 3*w))
}

// Rows checks the kernels that move rows, and those of images.
func (b *Bench) Rows() {
	for _, s := range [][3]int{{1, 1, 1}, {5, 9, 3}, {40, 100, 65}, {3, 300, 300}} {
		rows, n, w := s[0], s[1], s[2]
		in := []array{b.normal(rows, w), b.normal(n, w), b.indices(n, -1, rows)}
		one := func(what string, k kernel, shapes ...[]int) {
			b.Helper()
			b.same(fmt.Sprint(what, " ", s), in, k, shapes...)
		}
		one("Gather", func(e engine.Engine, i, o tensors) error { return e.Gather(o[0], i[0], i[2]) }, sh(n, w))
		one("ScatterAdd", func(e engine.Engine, i, o tensors) error { return e.ScatterAdd(o[0], i[1], i[2]) }, sh(rows, w))
		one("AddRows", func(e engine.Engine, i, o tensors) error { return e.AddRows(o[0], i[1], i[0], i[2]) }, sh(n, w))
		one("Concat", func(e engine.Engine, i, o tensors) error { return e.Concat(o[0], i[0], i[1], i[0]) }, sh(2*rows+n, w))
		one("Slice", func(e engine.Engine, i, o tensors) error { return e.Slice(o[0], i[1], n/2) }, sh(n-n/2, w))
		one("PadRows", func(e engine.Engine, i, o tensors) error { return e.PadRows(o[0], i[1], 2) }, sh(n+5, w))
		one("PadRows whole", func(e engine.Engine, i, o tensors) error { return e.PadRows(o[0], i[1], 0) }, sh(n, w))
		one("Transpose", func(e engine.Engine, i, o tensors) error { return e.Transpose(o[0], i[1]) }, sh(w, n))
	}
	for _, s := range [][3]int{{1, 4, 2}, {3, 12, 4}, {2, 28, 7}, {2, 32, 16}} {
		batch, side, patch := s[0], s[1], s[2]
		n, w := side/patch*(side/patch), 10
		b.same("Patchify", []array{b.normal(batch, 3, side, side)}, func(e engine.Engine, i, o tensors) error {
			return e.Patchify(o[0], i[0], patch)
		}, sh(batch*n, 3*patch*patch))
		for _, extra := range []int{1, 4} {
			b.same("Patchify in wide rows", []array{b.normal(batch, 3, side, side)}, func(e engine.Engine, i, o tensors) error {
				return e.Patchify(o[0], i[0], patch)
			}, sh(batch*n, 3*patch*patch+extra))
		}
		in := []array{b.normal(batch*n, w), b.normal(w), b.normal(n+1, w), b.normal(batch*(n+1), w)}
		b.same("Tokens", in, func(e engine.Engine, i, o tensors) error { return e.Tokens(o[0], i[0], i[1], i[2]) }, sh(batch*(n+1), w))
		b.same("TokensGrad", in, func(e engine.Engine, i, o tensors) error {
			return e.TokensGrad(o[0], o[1], o[2], i[3], batch)
		}, sh(batch*n, w), sh(w), sh(n+1, w))
		b.same("TokensGrad of the class", in, func(e engine.Engine, i, o tensors) error {
			return e.TokensGrad(nil, o[0], nil, i[3], batch)
		}, sh(w))
	}
}
