// Package enginetest is the conformance suite of engines: what every
// implementation of engine.Engine must do, checked against the float64
// reference, PyTorch's values, difference quotients and the contract of memory,
// errors and repeatability. An engine's test opens it and calls [Run].
package enginetest

import (
	"slices"
	"testing"

	"clipcalib/internal/engine"
)

// Options says what kind of engine is tested.
type Options struct {
	// Slow leaves out the large shapes, which take an emulator minutes, and in
	// precisions beside float32 the kernels that those have in common.
	Slow bool
}

// check is a part of the suite.
type check struct {
	name string
	run  func(*bench)
	when func(engine.Engine) bool // nil: for every engine
	once bool                     // its kernels are the same in every precision
}

var checks = []check{
	{"Activation", (*bench).activations, nil, true},
	{"Attention", (*bench).attention, nil, false},
	{"Convolution", (*bench).convolution, nil, false},
	{"CrossEntropy", (*bench).crossEntropy, nil, true},
	{"Distance", (*bench).distance, nil, true},
	{"Elementwise", (*bench).elementwise, nil, true},
	{"Faults", (*bench).faults, nil, false},
	{"Frozen", (*bench).frozen, nil, false},
	{"Gemm", (*bench).gemm, nil, false},
	{"Image", (*bench).image, nil, true},
	{"LayerNorm", (*bench).layerNorm, nil, true},
	{"MLP", (*bench).mlp, partwise, false},
	{"Memory", (*bench).memory, nil, true},
	{"Misfits", (*bench).misfits, nil, true},
	{"NaN", (*bench).nan, nil, true},
	{"Norm", (*bench).norm, nil, true},
	{"Optimizer", (*bench).optimizer, nil, true},
	{"Pixels", (*bench).pixels, nil, true},
	{"PyTorch", (*bench).pytorch, nil, false},
	{"Range", (*bench).ranges, nil, true},
	{"Repeats", (*bench).repeats, nil, true},
	{"Rows", (*bench).rows, nil, true},
	{"Slopes", (*bench).slopes, nil, false},
	{"TreeAttention", (*bench).treeAttention, nil, true},

	{"LongAttention", (*bench).longAttention, nil, false},
	{"QueryPool", (*bench).queryPool, poolsByQuery, false},
	{"TF32Attention", (*bench).tf32Attention, func(e engine.Engine) bool { return engine.PrecisionOf(e) == "tf32" },
		false},
	{"TF32AttentionGrad", (*bench).tf32AttentionGrad,
		func(e engine.Engine) bool { return engine.PrecisionOf(e) == "tf32" }, false},
	{"Float16Attention", (*bench).float16Attention, engine.StoresFloat16, false},
	{"Float16AttentionGrad", (*bench).float16AttentionGrad, engine.TrainsFloat16, false},
	{"Float16Cast", (*bench).float16Cast, engine.StoresFloat16, false},
	{"Float16Convolution", (*bench).float16Convolution, engine.StoresFloat16, false},
	{"Float16Elementwise", (*bench).float16Elementwise, engine.StoresFloat16, false},
	{"Float16Gemm", (*bench).float16Gemm, engine.StoresFloat16, false},
	{"Float16Gradients", (*bench).float16Gradients, engine.TrainsFloat16, false},
	{"Float16LayerNorm", (*bench).float16LayerNorm, engine.StoresFloat16, false},
	{"Float16Pixels", (*bench).float16Pixels, engine.StoresFloat16, false},
	{"Float16Rows", (*bench).float16Rows, engine.StoresFloat16, false},
	{"Float16TreeAttention", (*bench).float16TreeAttention, engine.StoresFloat16, false},
	{"NarrowGemm", (*bench).narrowGemm, engine.TrainsFloat16, false},
}

// Run checks the engine that open returns, every part in a test of its own; open
// may return the same engine again, and closes what it opened by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) engine.Engine, o Options) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.on(t, open(t), o) })
	}
}

// RunPart runs the part of that name alone.
func RunPart(t *testing.T, name string, open func(t *testing.T) engine.Engine, o Options) {
	t.Helper()
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("the suite has no part %q", name)
	}
	checks[i].on(t, open(t), o)
}

func (c check) on(t *testing.T, e engine.Engine, o Options) {
	if c.when != nil && !c.when(e) {
		t.Skipf("not for %s", e.Name())
	}
	if o.Slow && c.once && engine.PrecisionOf(e) != "fp32" {
		t.Skip("the kernels are those of fp32, which are tested there")
	}
	b := newBench(t, e, o)
	c.run(b)
	t.Logf("largest difference, as a part of the largest value or of 1:\n%s", b.worstText())
}
