package enginetest

import (
	"errors"
	"strings"

	"clipcalib/internal/engine"
)

// faults checks that bad indices, labels and tries, which a device may be the
// first to see, are reported at once or at the next synchronisation, once, by
// words that say where, and harm nothing.
func (b *bench) faults() {
	e, x, idx := b.e, b.on(b.e, b.normal(4, 6)), b.on(b.e, ints([]int32{0, 1, 9, 2}, 4))
	out, qkv := b.on(e, b.normal(4, 6)), b.on(e, b.normal(4, 6))
	one, att, grad := b.on(e, b.normal(1)), b.on(e, b.normal(4, 2)), b.on(e, b.normal(4, 6))
	flat := promptTrie(70, 1, 1) // a path whose nodes all claim to be roots' children
	for i := range 70 {
		flat[71+i] = 1
	}
	long, path, wide := b.on(e, b.normal(71, 6)), b.on(e, b.normal(71, 2)), b.on(e, b.normal(71, 6))
	tree := func(v ...int32) error { return e.TreeAttention(att, qkv, b.on(e, ints(v, 3, 4)), 1) }
	for _, c := range []struct {
		want string
		run  func() error
	}{
		{"index 9 at place 2", func() error { return e.Gather(out, x, idx) }},
		{"index 9 at place 2", func() error { return e.ScatterAdd(out, x, idx) }},
		{"index 9 at place 2", func() error { return e.AddRows(out, x, x, idx) }},
		{"label 9 of sample 2", func() error { return e.CrossEntropy(one, nil, x, idx, engine.CrossEntropy{}) }},
		{"token trie: node 1", func() error { return tree(-1, 2, 1, 2, 0, 1, 2, 3, 4, 4, 4, 4) }},
		{"token trie: node 3", func() error { return tree(-1, 0, 1, 2, 0, 1, 2, 999, 4, 4, 4, 4) }},
		{"token trie: node 3", func() error {
			return e.TreeAttentionGrad(grad, qkv, att, att, b.on(e, ints([]int32{-1, 0, 1, 2, 0, 1, 2, 3, 4, 4, 4, 9},
				3, 4)), 1)
		}},
		{"token trie: node ", func() error { // which of many is the engine's choice
			return e.TreeAttentionGrad(wide, long, path, path, b.on(e, ints(flat, 3, 71)), 1)
		}},
	} {
		err := errors.Join(c.run(), e.Sync())
		if err == nil || strings.Count(err.Error(), c.want) != 1 {
			b.Errorf("fault %v, want %q once", err, c.want)
		}
		if err := e.Sync(); err != nil {
			b.Errorf("reported twice: %v", err)
		}
	}
	good := b.on(e, ints([]int32{3, -1, 0, 2}, 4))
	if err := e.Gather(out, x, good); err != nil {
		b.Fatal(err)
	}
	got, from := b.read(e, out), b.read(e, x)
	for i, v := range got {
		want := float32(0)
		if r := []int{3, -1, 0, 2}[i/6]; r >= 0 {
			want = from[6*r+i%6]
		}
		if v != want {
			b.Errorf("after the faults, element %d is %v, want %v", i, v, want)
		}
	}
}

// repeats checks that the same inputs give the same bytes, by kernels that sum
// across rows.
func (b *bench) repeats() {
	const m, n = 501, 96
	in := []array{b.normal(m, n), b.normal(m, n), b.normal(n)}
	sums := func(e engine.Engine, i, o tensors) error {
		x, dy, g := i[0], i[1], i[2]
		return errors.Join(e.LayerNormGrad(o[0], o[1], o[2], x, g, dy, 1e-5),
			e.Gemm(engine.Gemm{Out: o[3], A: dy, B: x, TransA: true, Alpha: 1}), e.Dot(o[4], 1, x, dy), e.ColSum(o[5],
				dy))
	}
	shapes := [][]int{sh(m, n), sh(n), sh(n), sh(n, n), sh(1), sh(n)}
	first := b.run(b.e, "sums", in, sums, false, shapes)
	for run := range 3 {
		for r, again := range b.run(b.e, "sums", in, sums, false, shapes) {
			for i, v := range again {
				if v != first[r][i] {
					b.Fatalf("run %d: result %d differs at %d", run+2, r, i)
				}
			}
		}
	}
}
