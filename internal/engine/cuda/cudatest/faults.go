package cudatest

import (
	"strings"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Misfits checks that shapes that do not fit are errors at once.
func (b *Bench) Misfits() {
	e, x, y, v := b.E, b.on(b.E, b.normal(4, 6)), b.on(b.E, b.normal(6, 4)), b.on(b.E, b.normal(5))
	empty := func(shape ...int) *tensor.Dense { return b.on(e, b.normal(shape...)) }
	for name, err := range map[string]error{
		"gemm":             e.Gemm(engine.Gemm{Out: x, A: x, B: x, Alpha: 1}),
		"gemm bias":        e.Gemm(engine.Gemm{Out: empty(4, 4), A: x, B: y, Alpha: 1, Bias: v}),
		"gemm nothing":     e.Gemm(engine.Gemm{}),
		"column sum":       e.ColSum(v, x),
		"activation":       e.Act(v, x, engine.ReLU),
		"sum":              e.Sum(x, x, v),
		"layer norm":       e.LayerNorm(x, x, v, v, 1e-5),
		"half a gradient":  e.LayerNormGrad(x, b.on(e, b.normal(6)), nil, x, b.on(e, b.normal(6)), x, 1e-5),
		"attention heads":  e.Attention(empty(4, 2), x, 1, 4, 5),
		"attention rows":   e.Attention(empty(4, 2), x, 3, 2, 1),
		"attention size":   e.Attention(empty(1, 129), empty(1, 387), 1, 1, 1),
		"tree":             e.TreeAttention(empty(4, 2), x, b.on(e, ints(make([]int32, 8), 2, 4)), 1),
		"tree of floats":   e.TreeAttention(empty(4, 2), x, empty(3, 4), 1),
		"slice":            e.Slice(empty(3, 6), x, 2),
		"padding":          e.PadRows(x, x, 1),
		"concatenation":    e.Concat(x, x, x),
		"patchify":         e.Patchify(empty(4, 3), empty(1, 3, 2, 2), 3),
		"pixels":           e.Pixels(empty(4, 3), b.on(e, ints(make([]int32, 4), 1, 4)), empty(3, 256), 2, 1),
		"narrow pixels":    e.Pixels(empty(4, 2), b.on(e, ints(make([]int32, 3), 1, 3)), empty(3, 256), 2, 1),
		"pixels of floats": e.Pixels(empty(4, 3), empty(1, 3), empty(3, 256), 2, 1),
		"labels of floats": e.CrossEntropy(empty(1), nil, x, empty(4), engine.CrossEntropy{}),
		"step":             e.AdamW(v, v, v, v, engine.AdamW{}, 0),
		"upload":           e.Upload(x, []float32{1}),
		"upload of ints":   e.Upload(x, make([]int32, 24)),
		"upload of bytes":  e.Upload(b.on(e, ints(make([]int32, 2), 2)), make([]byte, 7)),
		"bytes to floats":  e.Upload(x, make([]byte, 96)),
		"upload of text":   e.Upload(x, "x"),
		"download":         e.Download(make([]float32, 3), x),
	} {
		if err == nil {
			b.Errorf("%s: no error", name)
		}
	}
	if err := e.Sync(); err != nil {
		b.Error(err)
	}
}

// Faults checks that bad indices, which only the device can see, are reported
// at the next synchronisation, once, and harm nothing.
func (b *Bench) Faults() {
	e, x, idx := b.E, b.on(b.E, b.normal(4, 6)), b.on(b.E, ints([]int32{0, 1, 9, 2}, 4))
	out, qkv := b.on(e, b.normal(4, 6)), b.on(e, b.normal(4, 6))
	one, att := b.on(e, b.normal(1)), b.on(e, b.normal(4, 2))
	logSum := b.on(e, b.normal(4, 6))
	flat := promptTrie(70, 1, 1) // a path whose nodes all claim to be roots' children
	for i := range 70 {
		flat[71+i] = 1
	}
	long, path, wide := b.on(e, b.normal(71, 6)), b.on(e, b.normal(71, 2)), b.on(e, b.normal(71, 6))
	for _, c := range []struct {
		want string
		run  func() error
	}{
		{"index 9 at place 2", func() error { return e.Gather(out, x, idx) }},
		{"index 9 at place 2", func() error { return e.ScatterAdd(out, x, idx) }},
		{"index 9 at place 2", func() error { return e.AddRows(out, x, x, idx) }},
		{"label 9 of sample 2", func() error { return e.CrossEntropy(one, nil, x, idx, engine.CrossEntropy{}) }},
		{"token trie: node 1", func() error {
			return e.TreeAttention(att, qkv, b.on(e, ints([]int32{-1, 2, 1, 2, 0, 1, 2, 3, 4, 4, 4, 4}, 3, 4)), 1)
		}},
		{"token trie: node 3", func() error {
			return e.TreeAttentionGrad(logSum, qkv, att, att, b.on(e, ints([]int32{-1, 0, 1, 2, 0, 1, 2, 3, 4, 4, 4, 9}, 3, 4)), 1)
		}},
		{"token trie: node 63", func() error {
			return e.TreeAttentionGrad(wide, long, path, path, b.on(e, ints(flat, 3, 71)), 1)
		}},
	} {
		if err := c.run(); err != nil {
			b.Errorf("%s: reported at once: %v", c.want, err)
		}
		if err := e.Sync(); err == nil || !strings.Contains(err.Error(), c.want) {
			b.Errorf("fault %v, want %q", err, c.want)
		}
		if err := e.Sync(); err != nil {
			b.Errorf("reported twice: %v", err)
		}
	}
}
