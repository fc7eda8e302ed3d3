package enginetest

import (
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// misfits checks that shapes and types that do not fit are errors at once.
func (b *bench) misfits() {
	e, v := b.e, b.on(b.e, b.normal(5))
	x, y := b.on(e, b.normal(4, 6)), b.on(e, b.normal(6, 4))
	empty := func(shape ...int) *tensor.Dense { return b.on(e, b.normal(shape...)) }
	index := func(v []int32, shape ...int) *tensor.Dense { return b.on(e, ints(v, shape...)) }
	rows := index(make([]int32, 4), 4)
	for name, f := range map[string]func() error{
		"gemm":             func() error { return e.Gemm(engine.Gemm{Out: x, A: x, B: x, Alpha: 1}) },
		"gemm bias":        func() error { return e.Gemm(engine.Gemm{Out: empty(4, 4), A: x, B: y, Alpha: 1, Bias: v}) },
		"gemm residual":    func() error { return e.Gemm(engine.Gemm{Out: empty(4, 4), A: x, B: y, Alpha: 1, Residual: v}) },
		"gemm nothing":     func() error { return e.Gemm(engine.Gemm{}) },
		"gemm activation":  func() error { return e.Gemm(engine.Gemm{Out: empty(4, 4), A: x, B: y, Alpha: 1, Act: 9}) },
		"column sum":       func() error { return e.ColSum(v, x) },
		"activation":       func() error { return e.Act(v, x, engine.ReLU) },
		"activation 9":     func() error { return e.Act(x, x, 9) },
		"sum":              func() error { return e.Sum(x, x, v) },
		"axpby":            func() error { return e.Axpby(x, 1, x, 1, v) },
		"product":          func() error { return e.Mul(x, 1, x, v) },
		"scale":            func() error { return e.Scale(x, x, 1, v) },
		"dot":              func() error { return e.Dot(v, 1, x, x) },
		"layer norm":       func() error { return e.LayerNorm(x, x, v, v, 1e-5) },
		"half a gradient":  func() error { return e.LayerNormGrad(x, empty(6), nil, x, empty(6), x, 1e-5) },
		"l2":               func() error { return e.L2Normalize(v, x) },
		"attention heads":  func() error { return e.Attention(empty(4, 2), x, 1, 4, 5) },
		"attention rows":   func() error { return e.Attention(empty(4, 2), x, 3, 2, 1) },
		"attention grad":   func() error { return e.AttentionGrad(v, x, empty(4, 2), empty(4, 2), 1, 4, 1) },
		"tree":             func() error { return e.TreeAttention(empty(4, 2), x, index(make([]int32, 8), 2, 4), 1) },
		"tree of floats":   func() error { return e.TreeAttention(empty(4, 2), x, empty(3, 4), 1) },
		"gather":           func() error { return e.Gather(empty(3, 6), x, rows) },
		"gather of floats": func() error { return e.Gather(empty(4, 6), x, empty(4)) },
		"add rows":         func() error { return e.AddRows(x, x, y, rows) },
		"slice":            func() error { return e.Slice(empty(3, 6), x, 2) },
		"padding":          func() error { return e.PadRows(x, x, 1) },
		"concatenation":    func() error { return e.Concat(x, x, x) },
		"transpose":        func() error { return e.Transpose(v, x) },
		"convolution": func() error {
			return e.Conv(engine.Conv{Out: empty(9, 2), X: empty(9, 3), W: empty(2, 26), Bias: empty(2), Side: 3,
				Stride: 1})
		},
		"convolution side": func() error {
			return e.Conv(engine.Conv{Out: empty(9, 2), X: empty(9, 3), W: empty(2, 27), Bias: empty(2), Side: 2,
				Stride: 1})
		},
		"convolution stride": func() error {
			return e.Conv(engine.Conv{Out: empty(1, 2), X: empty(9, 3), W: empty(2, 27), Bias: empty(2), Side: 3,
				Stride: 3})
		},
		"convolution nothing": func() error { return e.Conv(engine.Conv{Side: 1, Stride: 1}) },
		"convolution of ints": func() error {
			return e.Conv(engine.Conv{Out: empty(1, 2), X: index(make([]int32, 3), 1, 3), W: empty(2, 27),
				Bias: empty(2), Side: 1, Stride: 1})
		},
		"odd average pool":        func() error { return e.AvgPool(empty(1, 2), empty(9, 2), 3) },
		"average pool":            func() error { return e.AvgPool(empty(2, 2), empty(4, 2), 2) },
		"pool tokens":             func() error { return e.PoolTokens(empty(6, 2), empty(4, 2), empty(3, 3)) },
		"pool attention heads":    func() error { return e.PoolAttention(empty(2, 4), empty(2, 4), empty(6, 8), 3) },
		"pool attention values":   func() error { return e.PoolAttention(empty(2, 4), empty(2, 4), empty(6, 4), 2) },
		"pool attention sequence": func() error { return e.PoolAttention(empty(2, 4), empty(2, 4), empty(5, 8), 2) },
		"patchify":                func() error { return e.Patchify(empty(4, 3), empty(1, 3, 2, 2), 3) },
		"short patches":           func() error { return e.Patchify(empty(4, 2), empty(1, 3, 2, 2), 1) },
		"tokens":                  func() error { return e.Tokens(x, x, empty(6), empty(3, 6)) },
		"tokens gradient":         func() error { return e.TokensGrad(nil, empty(6), nil, x, 3) },
		"pixels":                  func() error { return e.Pixels(empty(4, 3), index(make([]int32, 4), 1, 4), empty(3, 256), 2, 1) },
		"short pixels":            func() error { return e.Pixels(empty(4, 2), index(make([]int32, 3), 1, 3), empty(3, 256), 2, 1) },
		"pixels' table":           func() error { return e.Pixels(empty(4, 3), index(make([]int32, 3), 1, 3), empty(3, 255), 2, 1) },
		"pixels of floats":        func() error { return e.Pixels(empty(4, 3), empty(1, 3), empty(3, 256), 2, 1) },
		"labels of floats":        func() error { return e.CrossEntropy(empty(1), nil, x, empty(4), engine.CrossEntropy{}) },
		"too few labels": func() error {
			return e.CrossEntropy(empty(1), nil, x, index([]int32{0}, 1),
				engine.CrossEntropy{})
		},
		"range":            func() error { return e.RowRange(v, x) },
		"range map":        func() error { return e.RangeMap(x, x, v) },
		"penalty":          func() error { return e.RangePenalty(empty(1), nil, x, v, 1) },
		"distance":         func() error { return e.SquareDistance(empty(1), nil, x, x, v) },
		"sgd":              func() error { return e.SGD(v, v, x, 1, 1, 1) },
		"step":             func() error { return e.AdamW(v, v, v, v, engine.AdamW{}, 0) },
		"upload":           func() error { return e.Upload(x, []float32{1}) },
		"upload of ints":   func() error { return e.Upload(x, make([]int32, 24)) },
		"upload of bytes":  func() error { return e.Upload(index(make([]int32, 2), 2), make([]byte, 7)) },
		"more bytes":       func() error { return e.Upload(index(make([]int32, 2), 2), make([]byte, 12)) },
		"bytes to floats":  func() error { return e.Upload(x, make([]byte, 96)) },
		"upload of text":   func() error { return e.Upload(x, "x") },
		"float64":          func() error { return e.Upload(empty(1), []float64{1}) },
		"download":         func() error { return e.Download(make([]float32, 3), x) },
		"download of ints": func() error { return e.Download(make([]int32, 24), x) },
	} {
		b.refused(name, f)
	}
	if err := e.Sync(); err != nil {
		b.Error(err)
	}
}

// refused wants an error, and no panic.
func (b *bench) refused(name string, f func() error) {
	b.Helper()
	defer func() {
		if p := recover(); p != nil {
			b.Errorf("%s: panic: %v", name, p)
		}
	}()
	if f() == nil {
		b.Errorf("%s: no error", name)
	}
}
