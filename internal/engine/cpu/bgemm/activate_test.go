package bgemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"clipcalib/internal/engine"
)

// TestActivationsAreOneRoundingOff compares with float64 on values of all sizes,
// in slices that end within a register.
func TestActivationsAreOneRoundingOff(t *testing.T) {
	if ActOf(engine.QuickGELU) == nil {
		t.Skip("no assembly for activations in 16 bits")
	}
	if ActOf(engine.ReLU) != nil || ActGradOf(engine.GELU) != nil {
		t.Error("an activation without assembly has some")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 31, 32, 33, 1000} {
		x, dy := make([]float32, n), make([]float32, n)
		for i := range x {
			x[i], dy[i] = float32(r.NormFloat64()*math.Exp(3*r.NormFloat64())), float32(r.NormFloat64())
		}
		x16, got := narrowed(x), make([]uint16, n+1)
		near := func(what string, i int, want float64) {
			t.Helper()
			v := float64(Widened(got[i]))
			if d := math.Abs(v - want); !(d <= math.Abs(want)/256*1.01+1e-6) {
				t.Errorf("%s of %v: %v, want %v", what, Widened(x16[i]), v, want)
			}
		}
		for _, a := range []engine.Act{engine.QuickGELU, engine.GELU} {
			ActOf(a)(got, x16)
			for i, v := range x16 {
				near("activation", i, act(float64(Widened(v)), a))
			}
		}
		ActGradOf(engine.QuickGELU)(got, x16, dy)
		for i, b := range x16 {
			v := float64(Widened(b))
			s := 1 / (1 + math.Exp(-1.702*v))
			near("gradient", i, float64(dy[i])*s*(1+1.702*v*(1-s)))
		}
		if got[n] != 0 {
			t.Error("written beyond the end")
		}
	}
	nan := []uint16{Rounded(float32(math.NaN())), Rounded(1)}
	out := make([]uint16, 2)
	for name, f := range map[string]func(){
		"QuickGELU": func() { ActOf(engine.QuickGELU)(out, nan) },
		"GELU":      func() { ActOf(engine.GELU)(out, nan) },
		"gradient":  func() { ActGradOf(engine.QuickGELU)(out, nan, []float32{1, 1}) },
	} {
		if f(); Widened(out[0]) == Widened(out[0]) || Widened(out[1]) != Widened(out[1]) {
			t.Errorf("%s of NaN and 1: %v, %v", name, Widened(out[0]), Widened(out[1]))
		}
	}
}
