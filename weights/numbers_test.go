package weights

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

func TestNumbersThatAreNotFiniteAreFound(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, n := range []int{1, 2, 3, 4, 5, 4095, 4096, 4097, 9001} {
		x := make([]float32, n)
		for i := range x {
			x[i] = math.MaxFloat32 * float32(1-2*(i%2))
		}
		if got := notFinite(x); got != -1 {
			t.Fatalf("%d finite numbers: %d", n, got)
		}
		for _, bad := range []float32{nan, inf, -nan} {
			for _, at := range []int{0, n / 2, n - 1} {
				keep := x[at]
				x[at] = bad
				if got := notFinite(x); got != at {
					t.Errorf("%v at %d of %d: found at %d", bad, at, n, got)
				}
				x[at] = keep
			}
		}
	}
	path := variant(t, func(m map[string]NamedTensor) { m["visual.proj"].Data[5] = nan })
	c, err := OpenCLIP(path, Options{Activation: GELU})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantError(t, c.CheckFinite(), "visual.proj: number 5 is NaN")
	wantError(t, Convert(path, filepath.Join(t.TempDir(), "o.pt"), ConvertOptions{CLIP: Options{Activation: GELU}}),
		"visual.proj: number 5 is NaN")
	in, err := Inspect(path, Options{Activation: GELU})
	if err != nil || in.Model != nil || !strings.Contains(in.NotCLIP, "number 5 is NaN") || in.Purpose != "" {
		t.Errorf("inspection %+v, %v", in, err)
	}
}

func TestConvertRefusesWhatATypeDoesNotReach(t *testing.T) {
	big := variant(t, func(m map[string]NamedTensor) { m["visual.proj"].Data[7] = 1e5 })
	out := filepath.Join(t.TempDir(), "o.pt")
	wantError(t, Convert(big, out, ConvertOptions{DType: F16}),
		"visual.proj: number 7 is 100000, beyond the range of float16")
	if err := Convert(big, out, ConvertOptions{DType: BF16}); err != nil {
		t.Error(err)
	}
	bigger := variant(t, func(m map[string]NamedTensor) { m["visual.proj"].Data[7] = math.MaxFloat32 })
	wantError(t, Convert(bigger, out, ConvertOptions{DType: BF16}), "beyond the range of bfloat16")
}

func TestLogitScalesThatOverflowAreRefused(t *testing.T) {
	for scale, want := range map[float32]string{100: "its exponential 2.688", float32(math.NaN()): "NaN",
		1000: "+Inf"} {
		path := variant(t, func(m map[string]NamedTensor) { m["logit_scale"].Data[0] = scale })
		_, err := OpenCLIP(path, Options{Activation: GELU})
		wantError(t, err, want)
	}
}

// The check for NaN is part of reading a parameter; this is its share.
func BenchmarkNotFinite(b *testing.B) {
	x := make([]float32, 4<<20)
	b.SetBytes(int64(len(x)) * 4)
	for b.Loop() {
		if notFinite(x) >= 0 {
			b.Fatal("zeros are finite")
		}
	}
}
