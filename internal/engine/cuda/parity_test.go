//go:build linux

package cuda

import (
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/enginetest"
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

// TestConformance runs every kernel on the processor, in every precision.
func TestConformance(t *testing.T) {
	for _, p := range []Precision{FP32, TF32, BF16, FP16} {
		t.Run(p.String(), func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T) engine.Engine {
				e, _ := open(t, Options{Precision: p})
				return e
			}, enginetest.Options{Slow: true})
		})
	}
}

// TestProductWithoutBias takes the way round a library that adds no bias.
func TestProductWithoutBias(t *testing.T) {
	enginetest.RunPart(t, "Gemm", func(t *testing.T) engine.Engine {
		e, f := open(t, Options{})
		f.noBias = true
		return e
	}, enginetest.Options{Slow: true})
}
