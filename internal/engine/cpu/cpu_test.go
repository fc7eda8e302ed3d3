package cpu

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/enginetest"

	"gorgonia.org/tensor"
)

// TestConformance runs the suite on every way this program has of computing on
// a processor, with one thread and with several.
func TestConformance(t *testing.T) {
	options := []Options{{Threads: 1}, {Threads: 3}, {Threads: 2, BF16: true}}
	for _, o := range options {
		e, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.ReplaceAll(e.Name(), " ", "_"), func(t *testing.T) {
			enginetest.Run(t, func(*testing.T) engine.Engine { return e }, enginetest.Options{Slow: testing.Short()})
		})
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNameSaysWhatRuns(t *testing.T) {
	e, err := New(Options{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Name(); !strings.HasPrefix(n, "cpu: pure Go (") || !strings.HasSuffix(n, "), 3 threads, fp32") {
		t.Errorf("name %q", n)
	}
	e, err = New(Options{Threads: 1, BF16: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Name(); !strings.HasPrefix(n, "cpu: pure Go (") || !strings.Contains(n, bgemm.Kernel()+")") ||
		!strings.HasSuffix(n, ", 1 thread, bf16") || engine.PrecisionOf(e) != "bf16" {
		t.Errorf("name %q", n)
	}
}

// TestFrozenWeightsAreHeldOnce looks for the bfloat16 copies of frozen weights
// and for what is left of the float32 values.
func TestFrozenWeightsAreHeldOnce(t *testing.T) {
	e, err := New(Options{Threads: 2, BF16: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const m, n, k = 70, 96, 128
	x, w, y := benchTensor(t, e, m, k), benchTensor(t, e, n, k), benchTensor(t, e, m, n)
	was := slices.Clone(f32(w))
	e.Freeze(w)
	if err := e.Gemm(engine.Gemm{Out: y, A: x, B: w, TransB: true, Alpha: 1}); err != nil {
		t.Fatal(err)
	}
	if len(e.frozen) != 1 || w.MemSize() > 4 || !w.Shape().Eq(tensor.Shape{n, k}) {
		t.Errorf("%d packed, %d bytes of the tensor %v left", len(e.frozen), w.MemSize(), w.Shape())
	}
	now := make([]float32, n*k)
	if err := e.Download(now, w); err != nil {
		t.Fatal(err)
	}
	for i, v := range was {
		if now[i] != bgemm.Widened(bgemm.Rounded(v)) {
			t.Fatalf("element %d was %v and is read as %v", i, v, now[i])
		}
	}
	if err := e.Transpose(benchTensor(t, e, k, n), w); err == nil {
		t.Error("a kernel that knows nothing of packed weights took them")
	}
	// A product whose left factor is transposed is none by packed weights.
	back := benchTensor(t, e, n, m)
	if err := e.Gemm(engine.Gemm{Out: back, A: benchTensor(t, e, k, n), TransA: true, B: benchTensor(t, e, k, m),
		Alpha: 1}); err != nil {
		t.Error(err)
	}
	if err := e.Gemm(engine.Gemm{Out: benchTensor(t, e, m, k), A: benchTensor(t, e, n, m), TransA: true, B: w,
		Alpha: 1}); err != nil {
		t.Error(err)
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
