//go:build onednn

package dnnl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func activate(v float64, a Act) float64 {
	switch a {
	case QuickGELU:
		return v / (1 + math.Exp(-1.702*v))
	case GELU:
		return v / 2 * (1 + math.Erf(v/math.Sqrt2))
	case ReLU:
		return max(v, 0)
	}
	return v
}

// naive computes act(alpha*op(x)*op(w) + bias) + residual in float64.
func naive(x, w []float32, m, n, k int, tx, tw bool, alpha float32, bias []float32, act Act,
	residual []float32) []float64 {
	y := make([]float64, m*n)
	for i := 0; i < m; i++ {
		for j := 0; j < n; j++ {
			var s float64
			for l := 0; l < k; l++ {
				a, b := i*k+l, l*n+j
				if tx {
					a = l*m + i
				}
				if tw {
					b = j*k + l
				}
				s += float64(x[a]) * float64(w[b])
			}
			s *= float64(alpha)
			if bias != nil {
				s += float64(bias[j])
			}
			s = activate(s, act)
			if residual != nil {
				s += float64(residual[i*n+j])
			}
			y[i*n+j] = s
		}
	}
	return y
}

func compare(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	for i := range want {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tol) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func context(t testing.TB, threads int) *Context {
	c, err := New(threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestLinearAgreesWithDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := context(t, 2)
	for _, s := range [][3]int{{1, 1, 1}, {1, 40, 30}, {7, 5, 3}, {33, 64, 48}, {100, 70, 129}, {257, 96, 64}} {
		m, n, k := s[0], s[1], s[2]
		for _, bf16 := range []bool{false, true} {
			if bf16 && !HasBF16() {
				continue
			}
			tol := 1e-4 * math.Sqrt(float64(k))
			if bf16 {
				tol = 0.02 * math.Sqrt(float64(k))
			}
			x, w, bias, res := random(r, m*k), random(r, n*k), random(r, n), random(r, m*n)
			for _, trans := range []bool{false, true} {
				W, err := c.Pack(w, k, n, trans, bf16)
				if err != nil {
					t.Fatal(err)
				}
				for act := Identity; act <= ReLU; act++ {
					what := fmt.Sprintf("%v bf16=%v trans=%v act=%d", s, bf16, trans, act)
					y := make([]float32, m*n)
					if err := c.Linear(y, x, m, W, bias, act, res); err != nil {
						t.Fatal(what, err)
					}
					compare(t, what, y, naive(x, w, m, n, k, false, trans, 1, bias, act, res), tol)
					copy(y, res)
					if err := c.Linear(y, x, m, W, nil, act, y); err != nil {
						t.Fatal(what, err)
					}
					compare(t, what+" in place", y, naive(x, w, m, n, k, false, trans, 1, nil, act, res), tol)
				}
				W.Close()
			}
		}
	}
}

func TestGemmAgreesWithDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	c := context(t, 2)
	for range 10 {
		m, n, k := 1+r.IntN(60), 1+r.IntN(60), 1+r.IntN(60)
		x, w, bias := random(r, m*k), random(r, n*k), random(r, n)
		for _, tx := range []bool{false, true} {
			for _, tw := range []bool{false, true} {
				what := fmt.Sprintf("m=%d n=%d k=%d tx=%v tw=%v", m, n, k, tx, tw)
				y := make([]float32, m*n)
				if err := c.Gemm(y, x, w, m, n, k, tx, tw, 1, bias, QuickGELU, nil); err != nil {
					t.Fatal(err)
				}
				compare(t, what, y, naive(x, w, m, n, k, tx, tw, 1, bias, QuickGELU, nil), 1e-3)
				if err := c.Gemm(y, x, w, m, n, k, tx, tw, 0.5, nil, Identity, nil); err != nil {
					t.Fatal(err)
				}
				compare(t, what+" scaled", y, naive(x, w, m, n, k, tx, tw, 0.5, nil, Identity, nil), 1e-3)
			}
		}
	}
}

func TestSameInputsGiveSameBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	c := context(t, 2)
	m, n, k := 301, 128, 256
	x, w := random(r, m*k), random(r, n*k)
	W, err := c.Pack(w, k, n, true, false)
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float32, m*n), make([]float32, m*n)
	for i := range 5 {
		y := got
		if i == 0 {
			y = want
		}
		if err := c.Linear(y, x, m, W, nil, GELU, nil); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			for j := range got {
				if got[j] != want[j] {
					t.Fatalf("run %d differs at %d", i, j)
				}
			}
		}
	}
}

func TestShortOperandsAreErrors(t *testing.T) {
	c := context(t, 1)
	if _, err := c.Pack(make([]float32, 5), 2, 3, false, false); err == nil {
		t.Error("short weights accepted")
	}
	if err := c.Gemm(make([]float32, 6), make([]float32, 3), make([]float32, 6), 2, 3, 2, false, false, 1, nil, Identity,
		nil); err == nil {
		t.Error("short x accepted")
	}
}

func BenchmarkLinear(b *testing.B) {
	for _, s := range [][3]int{{1576, 768, 768}, {1576, 3072, 768}, {1576, 768, 3072}, {256, 1000, 512},
		{4008, 2048, 512}, {32, 64, 64}} {
		m, n, k := s[0], s[1], s[2]
		for _, mode := range []string{"fp32", "bf16", "plain"} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", mode, m, n, k), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				c := context(b, runtime.GOMAXPROCS(0))
				x, w, bias, y := random(r, m*k), random(r, n*k), random(r, n), make([]float32, m*n)
				W, err := c.Pack(w, k, n, true, mode == "bf16")
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if mode == "plain" {
						err = c.Gemm(y, x, w, m, n, k, false, true, 1, bias, QuickGELU, nil)
					} else {
						err = c.Linear(y, x, m, W, bias, QuickGELU, nil)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
