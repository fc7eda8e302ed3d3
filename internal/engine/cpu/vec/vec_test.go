package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

func random(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

func near(t *testing.T, what string, got float32, want, tol float64) {
	t.Helper()
	if d := math.Abs(float64(got) - want); !(d <= tol) {
		t.Fatalf("%s = %v, want %v", what, got, want)
	}
}

func TestReductionsAgreeWithFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < 200; n++ {
		x, y := random(r, n, 1), random(r, n, 1)
		var dot, sum, sq float64
		largest := math.Inf(-1)
		for i := range x {
			dot += float64(x[i]) * float64(y[i])
			sum += float64(x[i])
			sq += (float64(x[i]) - 0.25) * (float64(x[i]) - 0.25)
			largest = max(largest, float64(x[i]))
		}
		near(t, "Dot", Dot(x, y), dot, 1e-4)
		near(t, "Sum", Sum(x), sum, 1e-4)
		near(t, "SqDist", SqDist(x, 0.25), sq, 1e-3)
		if got := Max(x); float64(got) != largest {
			t.Fatalf("Max of %d values = %v, want %v", n, got, largest)
		}
	}
}

func TestMapsAgreeWithFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := 0; n < 70; n++ {
		x, y, g, b := random(r, n, 3), random(r, n, 1), random(r, n, 1), random(r, n, 1)
		axpy := append([]float32(nil), y...)
		Axpy(0.7, x, axpy)
		norm, ex, sm, sg := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		Normalize(norm, x, g, b, 0.3, 1.5)
		total := Exp(ex, x, 0.5, 0.1)
		SigmoidMul(sm, x, 1.702)
		SigmoidMulGrad(sg, x, y, 1.702)
		mul, comb, ge, gg := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		mulAdd := append([]float32(nil), b...)
		Mul(mul, 0.5, x, y)
		MulAdd(mulAdd, x, y)
		Combine(comb, 2, x, -3, y, 0.25)
		GELU(ge, x)
		GELUGrad(gg, x, y)
		var sum float64
		for i := range x {
			v := float64(x[i])
			near(t, "Axpy", axpy[i], 0.7*v+float64(y[i]), 1e-5)
			near(t, "Normalize", norm[i], (v-0.3)*1.5*float64(g[i])+float64(b[i]), 1e-5)
			e := math.Exp(0.5*v - 0.1)
			sum += e
			near(t, "Exp", ex[i], e, 1e-5*e)
			s := 1 / (1 + math.Exp(-1.702*v))
			near(t, "SigmoidMul", sm[i], v*s, 1e-5)
			near(t, "Mul", mul[i], 0.5*v*float64(y[i]), 1e-5)
			near(t, "MulAdd", mulAdd[i], float64(b[i])+v*float64(y[i]), 1e-5)
			near(t, "Combine", comb[i], 2*v-3*float64(y[i])+0.25, 1e-5)
			phi := 0.5 * math.Erfc(-v/math.Sqrt2)
			near(t, "GELU", ge[i], v*phi, 1e-6)
			near(t, "GELUGrad", gg[i], float64(y[i])*(phi+v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)), 5e-6)
			near(t, "SigmoidMulGrad", sg[i], float64(y[i])*s*(1+1.702*v*(1-s)), 2e-5)
		}
		near(t, "sum of Exp", total, sum, 1e-5*sum+1e-9)
	}
}

// TestExpIsWithinTwoUnitsInTheLastPlace walks the whole range in small steps.
func TestExpIsWithinTwoUnitsInTheLastPlace(t *testing.T) {
	x := make([]float32, 0, 1<<17)
	for v := -87.33; v < 88.37; v += 175.7 / (1 << 17) {
		x = append(x, float32(v))
	}
	worst := 0.0
	check := func(v, got float32) {
		want := math.Exp(float64(v))
		ulp := float64(math.Nextafter32(float32(want), float32(math.Inf(1)))) - float64(float32(want))
		worst = max(worst, math.Abs(float64(got)-want)/ulp)
	}
	got := make([]float32, len(x))
	Exp(got, x, 1, 0)
	for i, v := range x {
		check(v, got[i])
		check(v, exp(v))
	}
	if worst > 2 {
		t.Fatalf("largest error %.2f units in the last place", worst)
	}
	t.Logf("largest error %.2f units in the last place", worst)
}

func TestExpAtTheEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{-inf, inf, nan, -1000, 1000, 0, -88, 89, 0}
	want := []float32{0, inf, nan, 0, inf, 1, 0, inf, 1}
	got := make([]float32, len(x))
	Exp(got, x, 1, 0)
	for i := range x {
		for _, g := range []float32{got[i], exp(x[i])} {
			if g != want[i] && (g == g || want[i] == want[i]) {
				t.Errorf("exp(%v) = %v, want %v", x[i], g, want[i])
			}
		}
	}
}

func BenchmarkExp(b *testing.B) {
	x := random(rand.New(rand.NewPCG(5, 6)), 4096, 1)
	y := make([]float32, len(x))
	b.SetBytes(int64(len(x)) * 4)
	for b.Loop() {
		Exp(y, x, 1, 0)
	}
}

func BenchmarkSigmoidMul(b *testing.B) {
	x := random(rand.New(rand.NewPCG(5, 6)), 4096, 1)
	y := make([]float32, len(x))
	b.SetBytes(int64(len(x)) * 4)
	for b.Loop() {
		SigmoidMul(y, x, 1.702)
	}
}

func TestAddReLU(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for n := range 100 {
		x, y := random(r, n, 1), random(r, n, 1)
		for i := 0; i < n; i += 13 {
			x[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), -y[i]}[i/13%4]
		}
		got := append([]float32(nil), x...)
		AddReLU(got, y)
		for i := range got {
			want := max(x[i]+y[i], 0)
			if got[i] != want && (want == want || got[i] == got[i]) {
				t.Fatalf("%d values: max(%v + %v, 0) = %v", n, x[i], y[i], got[i])
			}
		}
	}
}
