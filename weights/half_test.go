package weights

import (
	"math"
	"testing"
)

func TestEveryHalfSurvivesTheRoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := halfTable[h]
		if f != f {
			if back := floatToHalf(f); back&0x7c00 != 0x7c00 || back&0x3ff == 0 {
				t.Errorf("NaN %#04x became %#04x", h, back)
			}
			continue
		}
		if back := floatToHalf(f); back != h {
			t.Errorf("%#04x became %v, then %#04x", h, f, back)
		}
	}
}

// nearest finds the closest of a type's finite values by exhaustion, ties to
// the even pattern.
func nearest(x float64, decode func(uint16) float32, infinity uint16) uint16 {
	best, distance := uint16(0), math.Inf(1)
	for p := uint16(0); p < infinity; p++ {
		d := math.Abs(float64(decode(p)) - x)
		if d < distance || d == distance && p%2 == 0 {
			best, distance = p, d
		}
	}
	// Past the largest value by half a step or more, infinity is nearest.
	largest, below := float64(decode(infinity-1)), float64(decode(infinity-2))
	if x >= largest+(largest-below)/2 {
		return infinity
	}
	return best
}

func TestRoundingIsToNearestTiesToEven(t *testing.T) {
	brain := func(p uint16) float32 { return math.Float32frombits(uint32(p) << 16) }
	half := func(p uint16) float32 { return halfTable[p] }
	values := []float32{0, 1e-8, 2.9802322e-8, 2.9802326e-8, 8.940697e-8, 6.1e-5, 6.103e-5, 1, 1.00048828125,
		1.00146484375, 1.001,
		2049, 2051, 65504, 65519, 65520, 1e6, 1.0039062, 1.0117188, 3.3895314e38, 3.3961775e38, 1e-40, 9.2e-41,
		math.MaxFloat32}
	for _, x := range values {
		if got, want := floatToHalf(x), nearest(float64(x), half, 0x7c00); got != want {
			t.Errorf("%v as float16: %#04x, want %#04x", x, got, want)
		}
		if got, want := floatToHalf(-x), nearest(float64(x), half, 0x7c00)|0x8000; got != want {
			t.Errorf("%v as float16: %#04x, want %#04x", -x, got, want)
		}
		if got, want := floatToBrain(x), nearest(float64(x), brain, 0x7f80); got != want {
			t.Errorf("%v as bfloat16: %#04x, want %#04x", x, got, want)
		}
	}
	if got := floatToBrain(float32(math.NaN())); got&0x7f80 != 0x7f80 || got&0x7f == 0 {
		t.Errorf("NaN as bfloat16: %#04x", got)
	}
}

func TestLongTensorsAreSharedBetweenGoroutines(t *testing.T) {
	const n = parallelFrom + 3
	for _, d := range []DType{F32, F16, BF16, F64} {
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(i%2048) - 1000
		}
		raw := appendFloats(nil, data, d)
		got, want := make([]float32, n), make([]float32, n)
		toFloat32(got, raw, d)
		widen(want, raw, d)
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%v: element %d is %v, want %v", d, i, got[i], want[i])
			}
		}
	}
}
