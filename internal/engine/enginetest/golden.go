package enginetest

import (
	_ "embed"
	"encoding/json"
	"errors"

	"clipcalib/internal/engine"
)

//go:embed testdata/golden.json
var golden []byte

// goldenArray is an array of golden.json.
type goldenArray struct {
	Shape  []int
	Floats []float32
	Ints   []int32
}

// goldenKernels compute the cases of testdata/make_golden.py by their names.
var goldenKernels = map[string]struct {
	group group
	run   kernel
}{
	"gemm": {products, func(e engine.Engine, i, o tensors) error {
		return e.Gemm(engine.Gemm{Out: o[0], A: i[0], B: i[1], TransB: true, Alpha: 1, Bias: i[2], Residual: i[3]})
	}},
	"quickgelu": {elementwise, goldenAct(engine.QuickGELU)},
	"gelu":      {elementwise, goldenAct(engine.GELU)},
	"relu":      {elementwise, goldenAct(engine.ReLU)},
	"layernorm": {norms, func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.LayerNorm(o[0], i[0], i[1], i[2], 1e-5),
			e.LayerNormGrad(o[1], o[2], o[3], i[0], i[1], i[3], 1e-5))
	}},
	"l2": {norms, func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.L2Normalize(o[0], i[0]), e.L2NormalizeGrad(o[1], i[0], i[1]))
	}},
	"logitnorm": {norms, func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.DivNorm(o[0], i[0], 0.5), e.DivNormGrad(o[1], i[0], i[1], 0.5))
	}},
	"attention": {attentions, func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.Attention(o[0], i[0], 2, 7, 4), e.AttentionGrad(o[1], i[0], o[0], i[1], 2, 7, 4))
	}},
	"tree": {attentions, func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.TreeAttention(o[0], i[1], i[0], 2), e.TreeAttentionGrad(o[1], i[1], o[0], i[2], i[0], 2))
	}},
	"ce":         {losses, goldenLoss(engine.CrossEntropy{})},
	"smoothing":  {losses, goldenLoss(engine.CrossEntropy{Smoothing: 0.1})},
	"focal":      {losses, goldenLoss(engine.CrossEntropy{FocalGamma: 3})},
	"confidence": {losses, goldenLoss(engine.CrossEntropy{Confidence: 0.2})},
	"margin":     {losses, goldenLoss(engine.CrossEntropy{MarginAlpha: 0.1, Margin: 1})},
	"rangemap": {losses, func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.RangeMap(o[0], i[0], i[1]), e.RangeMapGrad(o[1], i[0], i[1], i[2]))
	}},
	"penalty": {losses, func(e engine.Engine, i, o tensors) error { return e.RangePenalty(o[0], o[1], i[0], i[1], 10) }},
	"distance": {losses, func(e engine.Engine, i, o tensors) error {
		return e.SquareDistance(o[0], o[1], i[0], i[1], i[2])
	}},
	"embedding": {elementwise, func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.Gather(o[0], i[1], i[0]), e.ScatterAdd(o[1], i[2], i[0]))
	}},
	"patches":      {elementwise, func(e engine.Engine, i, o tensors) error { return e.Patchify(o[0], i[0], 4) }},
	"convolution1": {products, goldenConv(1)},
	"convolution2": {products, goldenConv(2)},
	"avgpool":      {elementwise, func(e engine.Engine, i, o tensors) error { return e.AvgPool(o[0], i[0], 6) }},
	"pool":         {attentions, func(e engine.Engine, i, o tensors) error { return e.PoolAttention(o[0], i[0], i[1], 2) }},
	"sgd": {elementwise, func(e engine.Engine, i, o tensors) error {
		v, err := e.New(i[0].Dtype(), i[0].Shape()...)
		for s := 1; s < 4 && err == nil; s++ {
			err = e.SGD(i[0], v, i[1], 0.1, 0.9, 0.01)
		}
		return errors.Join(err, e.Axpby(o[0], 1, i[0], 0, nil))
	}},
	"adamw": {elementwise, func(e engine.Engine, i, o tensors) error {
		m, err := e.New(i[0].Dtype(), i[0].Shape()...)
		v, err2 := e.New(i[0].Dtype(), i[0].Shape()...)
		err = errors.Join(err, err2)
		for s := 1; s < 4 && err == nil; s++ {
			err = adamW(e, i[1], tensors{i[0], m, v}, s)
		}
		return errors.Join(err, e.Axpby(o[0], 1, i[0], 0, nil))
	}},
}

func goldenAct(act engine.Act) kernel {
	return func(e engine.Engine, i, o tensors) error {
		return errors.Join(e.Act(o[0], i[0], act), e.ActGrad(o[1], i[0], i[1], act))
	}
}

func goldenConv(stride int) kernel {
	return func(e engine.Engine, i, o tensors) error {
		return e.Conv(engine.Conv{Out: o[0], X: i[0], W: i[1], Bias: i[2], Side: 6, Stride: stride, Act: engine.ReLU})
	}
}

func goldenLoss(form engine.CrossEntropy) kernel {
	return func(e engine.Engine, i, o tensors) error { return e.CrossEntropy(o[0], o[1], i[1], i[0], form) }
}

// pytorch compares kernels and their gradients with PyTorch's values.
func (b *bench) pytorch() {
	var cases []struct {
		Op      string
		In, Out []goldenArray
	}
	if err := json.Unmarshal(golden, &cases); err != nil {
		b.Fatal(err)
	}
	if len(cases) != len(goldenKernels) {
		b.Errorf("%d cases for %d kernels", len(cases), len(goldenKernels))
	}
	for _, c := range cases {
		k, ok := goldenKernels[c.Op]
		if !ok {
			b.Errorf("no kernel for %q", c.Op)
			continue
		}
		b.expect(k.group)
		var in []array
		var shapes [][]int
		for _, a := range c.In {
			in = append(in, array{shape: a.Shape, floats: a.Floats, ints: a.Ints})
		}
		for _, a := range c.Out {
			shapes = append(shapes, a.Shape)
		}
		for n, got := range b.run(b.e, c.Op, in, k.run, false, shapes) {
			b.close(c.Op+" by PyTorch", got, c.Out[n].Floats)
		}
	}
}
