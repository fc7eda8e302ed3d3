package vec

import (
	"math/rand/v2"
	"testing"
)

func TestHeadsAgreeWithDotAndAxpy(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, s := range [][3]int{{1, 1, 1}, {3, 7, 2}, {8, 64, 16}, {2, 24, 1}, {5, 8, 3}} {
		heads, dim, stride := s[0], s[1], s[2]
		n := heads * dim
		x, y := random(r, n, 1), random(r, n, 1)
		dots := make([]float32, heads*stride)
		HeadDots(dots, stride, x, y, dim)
		want := append([]float32(nil), y...)
		for h := 0; h < heads; h++ {
			part := x[h*dim : h*dim+dim]
			near(t, "HeadDots", dots[h*stride], float64(Dot(part, y[h*dim:h*dim+dim])), 1e-5)
			Axpy(dots[h*stride], part, want[h*dim:h*dim+dim])
		}
		HeadAxpy(dots, stride, x, y, dim)
		for i := range y {
			near(t, "HeadAxpy", y[i], float64(want[i]), 1e-5)
		}
	}
}

// TestResultDoesNotDependOnPlace lets kernels cut a slice anywhere.
func TestResultDoesNotDependOnPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	x, d := random(r, 37, 3), random(r, 37, 1)
	for name, f := range map[string]func(dst, x, d []float32){
		"Exp":            func(dst, x, _ []float32) { Exp(dst, x, 1, 0.5) },
		"SigmoidMul":     func(dst, x, _ []float32) { SigmoidMul(dst, x, 1.702) },
		"SigmoidMulGrad": func(dst, x, d []float32) { SigmoidMulGrad(dst, x, d, 1.702) },
		"GELU":           func(dst, x, _ []float32) { GELU(dst, x) },
		"GELUGrad":       GELUGrad,
	} {
		whole, part := make([]float32, len(x)), make([]float32, len(x))
		f(whole, x, d)
		for cut := range x {
			f(part[:cut], x[:cut], d[:cut])
			f(part[cut:], x[cut:], d[cut:])
			for i := range part {
				if part[i] != whole[i] {
					t.Fatalf("%s: cut at %d changes element %d", name, cut, i)
				}
			}
		}
	}
}
