package cpu

import (
	"math/rand/v2"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/dnnl"
	"clipcalib/internal/engine/enginetest"

	"gorgonia.org/tensor"
)

// TestConformance runs the suite on every way this program has of computing on
// a processor, with one thread and with several.
func TestConformance(t *testing.T) {
	options := []Options{{Threads: 1, PureGo: true}, {Threads: 3, PureGo: true}}
	if dnnl.Available() {
		options = append(options, Options{Threads: 2})
	}
	if dnnl.HasBF16() {
		options = append(options, Options{Threads: 2, BF16: true})
	}
	for _, o := range options {
		e, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.ReplaceAll(e.Name(), " ", "_"), func(t *testing.T) {
			enginetest.Run(t, func(*testing.T) engine.Engine { return e }, enginetest.Options{})
		})
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNameSaysWhatRuns(t *testing.T) {
	e, err := New(Options{Threads: 3, PureGo: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Name(); !strings.HasPrefix(n, "cpu: pure Go (") || !strings.HasSuffix(n, "), 3 threads, fp32") {
		t.Errorf("name %q", n)
	}
	if _, err := New(Options{PureGo: true, BF16: true}); err == nil {
		t.Error("bf16 in pure Go accepted")
	}
	if !dnnl.Available() {
		if _, err := New(Options{BF16: true}); err == nil || !strings.Contains(err.Error(), "libdnnl-dev") {
			t.Errorf("bf16 without oneDNN: %v", err)
		}
	}
}

// TestReleasedWeightsAreForgotten looks for packed copies of frozen weights.
func TestReleasedWeightsAreForgotten(t *testing.T) {
	if !dnnl.HasBF16() {
		t.Skip("needs oneDNN and a processor with bfloat16")
	}
	e, err := New(Options{Threads: 2, BF16: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if !strings.HasSuffix(e.Name(), "bf16") || engine.PrecisionOf(e) != "bf16" {
		t.Errorf("name %q", e.Name())
	}
	const m, n, k = 70, 96, 128
	x, w, y := benchTensor(t, e, m, k), benchTensor(t, e, n, k), benchTensor(t, e, m, n)
	e.Freeze(w)
	if err := e.Gemm(engine.Gemm{Out: y, A: x, B: w, TransB: true, Alpha: 1}); err != nil {
		t.Fatal(err)
	}
	if len(e.frozen) != 1 {
		t.Error("frozen weights were not packed")
	}
	e.Release(w)
	if len(e.frozen) != 0 {
		t.Error("released weights are still packed")
	}
}

// benchTensor returns a tensor of small random values.
func benchTensor(b testing.TB, e *Engine, shape ...int) *tensor.Dense {
	t, err := e.New(tensor.Float32, shape...)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	d := f32(t)
	for i := range d {
		d[i] = float32(r.NormFloat64()) * 0.02
	}
	return t
}
