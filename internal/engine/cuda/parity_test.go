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

// TestTensorCoresAgreeWithReference runs what uses tensor cores without 16-bit
// activations.
func TestTensorCoresAgreeWithReference(t *testing.T) {
	e, f := open(t, Options{Precision: TF32})
	cudatest.New(t, e).TF32Attention()
	for _, l := range f.launches {
		if l.Kernel == "attention_tf32" {
			return
		}
	}
	t.Error("no kernel for tensor cores ran")
}

func TestTensorBlocksLeaveFewWarpsIdle(t *testing.T) {
	for tokens, want := range map[int][2]int{1: {1, 1}, 16: {1, 1}, 17: {2, 1}, 50: {4, 1}, 64: {4, 1}, 65: {5, 1}, 197: {7, 2}, 257: {6, 3}, 577: {8, 5}} {
		if w, b := tensorBlocks(tokens); w != want[0] || b != want[1] {
			t.Errorf("%d tokens: %d warps in %d blocks, want %v", tokens, w, b, want)
		}
	}
}
