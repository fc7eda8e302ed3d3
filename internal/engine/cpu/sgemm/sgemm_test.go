package sgemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// eachKernel runs a test with every micro-kernel this processor has.
func eachKernel(t *testing.T, f func(t *testing.T)) {
	was := active
	defer func() { active = was }()
	for _, k := range kernels {
		active = k
		t.Run(k.name, f)
	}
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// naive is the definition of the product, in float64.
func naive(ta, tb bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32,
	c []float32, ldc int) []float64 {
	out := make([]float64, m*n)
	for i := 0; i < m; i++ {
		for j := 0; j < n; j++ {
			var s float64
			for l := 0; l < k; l++ {
				x, y := i*lda+l, l*ldb+j
				if ta {
					x = l*lda + i
				}
				if tb {
					y = j*ldb + l
				}
				s += float64(a[x]) * float64(b[y])
			}
			s *= float64(alpha)
			if beta != 0 {
				s += float64(beta) * float64(c[i*ldc+j])
			}
			out[i*n+j] = s
		}
	}
	return out
}

func TestGemmAgreesWithDefinition(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		sizes := [][3]int{{1, 1, 1}, {1, 40, 7}, {40, 1, 9}, {3, 5, 2}, {12, 32, 64}, {13, 33, 65}, {24, 16, 100},
			{50, 17, 130}, {37, 197, 64}, {2, 70, 300}, {65, 48, 385}, {30, 400, 800}, {100, 3, 50}}
		for range 20 {
			sizes = append(sizes, [3]int{1 + r.IntN(80), 1 + r.IntN(120), 1 + r.IntN(150)})
		}
		for _, s := range sizes {
			m, n, k := s[0], s[1], s[2]
			for _, ta := range []bool{false, true} {
				for _, tb := range []bool{false, true} {
					for _, ab := range [][2]float32{{1, 0}, {1, 1}, {-0.5, 0.25}} {
						lda, ldb, ldc := k+r.IntN(3), n+r.IntN(3), n+r.IntN(3)
						la, lb := m*lda, k*ldb
						if ta {
							lda = m + r.IntN(3)
							la = k * lda
						}
						if tb {
							ldb = k + r.IntN(3)
							lb = n * ldb
						}
						a, b, c := random(r, la), random(r, lb), random(r, m*ldc)
						if ab[1] == 0 {
							c[0] = float32(math.NaN())
						}
						before := append([]float32(nil), c...)
						want := naive(ta, tb, m, n, k, ab[0], a, lda, b, ldb, ab[1], c, ldc)
						Gemm(2, ta, tb, m, n, k, ab[0], a, lda, b, ldb, ab[1], c, ldc)
						for i := 0; i < m; i++ {
							for j := 0; j < ldc; j++ {
								got := c[i*ldc+j]
								if j >= n {
									if got != before[i*ldc+j] {
										t.Fatalf("m=%d n=%d k=%d: wrote outside C at %d, %d", m, n, k, i, j)
									}
									continue
								}
								if d := math.Abs(float64(got) - want[i*n+j]); !(d < 1e-4*math.Sqrt(float64(k))) {
									t.Fatalf("ta=%v tb=%v m=%d n=%d k=%d alpha,beta=%v: c[%d,%d] = %v, want %v", ta, tb,
										m, n, k, ab, i, j, got, want[i*n+j])
								}
							}
						}
					}
				}
			}
		}
	})
}

func TestResultDoesNotDependOnThreads(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, s := range [][3]int{{150, 200, 500}, {14, 900, 100}, {900, 14, 100}} {
			m, n, k := s[0], s[1], s[2]
			a, b := random(r, m*k), random(r, k*n)
			want := make([]float32, m*n)
			Gemm(1, false, false, m, n, k, 1, a, k, b, n, 0, want, n)
			for threads := 2; threads < 6; threads++ {
				got := make([]float32, m*n)
				Gemm(threads, false, false, m, n, k, 1, a, k, b, n, 0, got, n)
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("%v: %d threads differ from one at %d", s, threads, i)
					}
				}
			}
		}
	})
}

func TestEpilogueSeesEachElementOnce(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, s := range [][3]int{{1, 40, 30}, {50, 70, 90}, {33, 1000, 400}, {7, 5, 0}, {5, 2100, 2100}} {
			m, n, k := s[0], s[1], s[2]
			a, b := random(r, m*k), random(r, k*n)
			want := make([]float32, m*n)
			Gemm(1, false, true, m, n, k, 1, a, k, b, k, 0, want, n)
			got := make([]float32, m*n)
			seen := make([]int, m*n)
			var mu sync.Mutex
			Fused(2, false, true, m, n, k, 1, a, k, b, k, 0, got, n, func(i0, i1, j0, j1 int) {
				mu.Lock()
				defer mu.Unlock()
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						seen[i*n+j]++
						got[i*n+j] *= 2
					}
				}
			})
			for i := range got {
				if seen[i] != 1 || got[i] != 2*want[i] {
					t.Fatalf("%v: element %d seen %d times, is %v, want %v", s, i, seen[i], got[i], 2*want[i])
				}
			}
		}
	})
}

func TestShortSlicesPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"a": func() {
			Gemm(1, false, false, 4, 4, 4, 1, make([]float32, 15), 4, make([]float32, 16), 4, 0, make([]float32, 16), 4)
		},
		"b": func() {
			Gemm(1, false, true, 4, 4, 4, 1, make([]float32, 16), 4, make([]float32, 15), 4, 0, make([]float32, 16), 4)
		},
		"c": func() {
			Gemm(1, false, false, 4, 4, 4, 1, make([]float32, 16), 4, make([]float32, 16), 4, 0, make([]float32, 15), 4)
		},
		"ld": func() {
			Gemm(1, false, false, 4, 4, 4, 1, make([]float32, 16), 3, make([]float32, 16), 4, 0, make([]float32, 16), 4)
		},
		"pictures": func() {
			Conv(1, Window{Side: 2, Stride: 1, Channels: 1}, 1, 1, make([]float32, 3), make([]float32, 9),
				make([]float32, 4), nil)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestConvAgreesWithDefinition(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, s := range [][5]int{{1, 1, 1, 1, 1}, {2, 7, 1, 3, 5}, {1, 7, 2, 16, 33}, {3, 14, 1, 5, 24},
			{1, 13, 2, 50, 40}, {2, 8, 1, 48, 7}} {
			batch, n := s[0], s[4]
			w := Window{Side: s[1], Stride: s[2], Channels: s[3]}
			k, m := 9*w.Channels, batch*w.out()*w.out()
			x, b := random(r, batch*w.Side*w.Side*w.Channels), random(r, n*k)
			a := make([]float32, m*k)
			for i := range a {
				row, col := i/k, i%k
				y := row/w.out()%w.out()*w.Stride + col/w.Channels/3 - 1
				z := row%w.out()*w.Stride + col/w.Channels%3 - 1
				if y >= 0 && y < w.Side && z >= 0 && z < w.Side {
					a[i] = x[((row/(w.out()*w.out())*w.Side+y)*w.Side+z)*w.Channels+col%w.Channels]
				}
			}
			want := make([]float32, m*n)
			Gemm(1, false, true, m, n, k, 1, a, k, b, k, 0, want, n)
			for _, threads := range []int{1, 2, 5} {
				got := make([]float32, m*n)
				Conv(threads, w, batch, n, x, b, got, nil)
				for i := range got {
					if d := got[i] - want[i]; !(d*d < 1e-8*float32(k)) {
						t.Fatalf("%v, %d threads: element %d is %v, want %v", s, threads, i, got[i], want[i])
					}
				}
			}
		}
	})
}

// Shapes of ViT-B/16 at batch 8 (197 tokens an image), of adapters on 1,000
// classes, of the text tower over 4,008 trie nodes, and of their gradients.
var shapes = []struct {
	name    string
	ta, tb  bool
	m, n, k int
}{
	{"attention-out", false, true, 1576, 768, 768},
	{"mlp-up", false, true, 1576, 3072, 768},
	{"mlp-down", false, true, 1576, 768, 3072},
	{"adapter", false, true, 256, 1000, 512},
	{"text-up", false, true, 4008, 2048, 512},
	{"input-gradient", false, false, 1576, 768, 3072},
	{"weight-gradient", true, false, 3072, 768, 1576},
	{"small", false, true, 32, 64, 64},
	{"thin", false, true, 1, 1000, 512},
}

func BenchmarkGemm(b *testing.B) {
	threads := runtime.GOMAXPROCS(0)
	for _, kern := range kernels {
		for _, s := range shapes {
			b.Run(fmt.Sprintf("%s/%s_%dx%dx%d", kern.name, s.name, s.m, s.n, s.k), func(b *testing.B) {
				was := active
				defer func() { active = was }()
				active = kern
				r := rand.New(rand.NewPCG(1, 2))
				x, w, c := random(r, s.m*s.k), random(r, s.n*s.k), make([]float32, s.m*s.n)
				lda, ldb := s.k, s.n
				if s.ta {
					lda = s.m
				}
				if s.tb {
					ldb = s.k
				}
				for b.Loop() {
					Gemm(threads, s.ta, s.tb, s.m, s.n, s.k, 1, x, lda, w, ldb, 0, c, s.n)
				}
				b.ReportMetric(2*float64(s.m)*float64(s.n)*float64(s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9,
					"GFLOP/s")
			})
		}
	}
}
