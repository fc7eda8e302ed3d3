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
	// Slow leaves out the large shapes, which take an emulator minutes.
	Slow bool
}

// check is a part of the suite.
type check struct {
	name string
	run  func(*bench)
	when func(engine.Engine) bool // nil: for every engine
}

var checks = []check{
	{"Activation", (*bench).activations, nil},
	{"Attention", (*bench).attention, nil},
	{"CrossEntropy", (*bench).crossEntropy, nil},
	{"Distance", (*bench).distance, nil},
	{"Elementwise", (*bench).elementwise, nil},
	{"Faults", (*bench).faults, nil},
	{"Frozen", (*bench).frozen, nil},
	{"Gemm", (*bench).gemm, nil},
	{"Image", (*bench).image, nil},
	{"LayerNorm", (*bench).layerNorm, nil},
	{"Memory", (*bench).memory, nil},
	{"Misfits", (*bench).misfits, nil},
	{"NaN", (*bench).nan, nil},
	{"Norm", (*bench).norm, nil},
	{"Optimizer", (*bench).optimizer, nil},
	{"Pixels", (*bench).pixels, nil},
	{"PyTorch", (*bench).pytorch, nil},
	{"Range", (*bench).ranges, nil},
	{"Repeats", (*bench).repeats, nil},
	{"Rows", (*bench).rows, nil},
	{"Slopes", (*bench).slopes, nil},
	{"TreeAttention", (*bench).treeAttention, nil},

	{"LongAttention", (*bench).longAttention, nil},
	{"TF32Attention", (*bench).tf32Attention, func(e engine.Engine) bool { return engine.PrecisionOf(e) == "tf32" }},
	{"Float16Attention", (*bench).float16Attention, engine.StoresFloat16},
	{"Float16Cast", (*bench).float16Cast, engine.StoresFloat16},
	{"Float16Elementwise", (*bench).float16Elementwise, engine.StoresFloat16},
	{"Float16Gemm", (*bench).float16Gemm, engine.StoresFloat16},
	{"Float16LayerNorm", (*bench).float16LayerNorm, engine.StoresFloat16},
	{"Float16Pixels", (*bench).float16Pixels, engine.StoresFloat16},
	{"Float16Rows", (*bench).float16Rows, engine.StoresFloat16},
	{"Float16TreeAttention", (*bench).float16TreeAttention, engine.StoresFloat16},
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
	b := newBench(t, e, o)
	c.run(b)
	t.Logf("largest difference, as a part of the largest value or of 1:\n%s", b.worstText())
}
