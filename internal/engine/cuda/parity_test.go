//go:build linux

package cuda

import (
	"testing"

	"clipcalib/internal/engine/cuda/cudatest"
)

// open returns an engine on the fake device, closed at the test's end, when
// nothing may be left on the device.
func open(t testing.TB, o Options) (*Engine, *fake) {
	f := newFake(t)
	e, err := New(f, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if len(f.blocks) != 0 {
			t.Errorf("%d blocks of device memory are left", len(f.blocks))
		}
	})
	return e, f
}

// TestKernelsAgreeWithReference runs every kernel on the processor.
func TestKernelsAgreeWithReference(t *testing.T) {
	for name, check := range map[string]func(*cudatest.Bench){
		"Gemm": (*cudatest.Bench).Gemm, "Elementwise": (*cudatest.Bench).Elementwise, "Norms": (*cudatest.Bench).Norms,
		"Attention": (*cudatest.Bench).Attention, "TreeAttention": (*cudatest.Bench).TreeAttention, "Rows": (*cudatest.Bench).Rows,
		"Losses": (*cudatest.Bench).Losses, "Optimizers": (*cudatest.Bench).Optimizers,
		"Misfits": (*cudatest.Bench).Misfits, "Faults": (*cudatest.Bench).Faults,
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := open(t, Options{})
			check(cudatest.New(t, e))
		})
	}
}

// TestProductWithoutBias takes the way round a library that adds no bias.
func TestProductWithoutBias(t *testing.T) {
	e, f := open(t, Options{})
	f.noBias = true
	cudatest.New(t, e).Gemm()
}

// TestNarrowKernelsAgreeWithReference runs what handles 16-bit activations.
func TestNarrowKernelsAgreeWithReference(t *testing.T) {
	for _, p := range []Precision{BF16, FP16} {
		for name, check := range cudatest.NarrowChecks {
			t.Run(p.String()+" "+name, func(t *testing.T) {
				e, _ := open(t, Options{Precision: p})
				check(cudatest.New(t, e))
			})
		}
	}
}
