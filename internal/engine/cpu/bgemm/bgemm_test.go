package bgemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipcalib/internal/engine"
)

// eachKernel runs a test with every kernel this processor has, and the portable
// one.
func eachKernel(t *testing.T, f func(t *testing.T)) {
	was := active
	defer func() { active = was }()
	for _, k := range append(slices.Clone(kernels), portable) {
		active = k
		t.Run(k.name, f)
	}
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = Widened(Rounded(float32(r.NormFloat64())))
	}
	return x
}

func narrowed(x []float32) []uint16 {
	out := make([]uint16, len(x))
	Round(out, x)
	return out
}

// act is the definition of the activations.
func act(x float64, a engine.Act) float64 {
	switch a {
	case engine.QuickGELU:
		return x / (1 + math.Exp(-1.702*x))
	case engine.GELU:
		return x * 0.5 * math.Erfc(-x/math.Sqrt2)
	case engine.ReLU:
		return max(x, 0)
	}
	return x
}

// TestMultiplyAgreesWithDefinition compares with float64 on values that are
// exact in bfloat16: what is left are float32 sums and the rounding of results.
func TestMultiplyAgreesWithDefinition(t *testing.T) {
	sizes := [][3]int{{1, 1, 1}, {5, 7, 3}, {12, 32, 64}, {13, 33, 65}, {40, 96, 31}, {70, 100, 588}, {3, 300, 90},
		{390, 64, 770}}
	if testing.Short() {
		sizes = sizes[:len(sizes)-1] // an emulator takes a minute for the last
	}
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, s := range sizes {
			for form := range 32 {
				if s[0]*s[1]*s[2] > 1<<18 && form%7 != 3 {
					continue
				}
				check(t, r, s[0], s[1], s[2], form)
			}
		}
	})
}

// check multiplies in one form: bits of form are the order of the weights, the
// storage of the left factor, of the result and of the residual, and which of
// bias and residual there are.
func check(t *testing.T, r *rand.Rand, m, n, k, form int) {
	t.Helper()
	a, w, bias, res := random(r, m*k), random(r, k*n), random(r, n), random(r, m*n)
	e := Epilogue{Alpha: []float32{1, 0.5}[form&1], Act: engine.Act(form >> 1 & 3)}
	e.ActLast = e.Act == engine.ReLU && form&16 > 0
	trans := form&2 > 0
	left, out := Matrix{F32: a, Stride: k}, Matrix{F32: make([]float32, m*n), Stride: n}
	if form&4 > 0 {
		left = Matrix{BF16: narrowed(a), Stride: k}
	}
	if form&8 > 0 {
		out = Matrix{BF16: make([]uint16, m*n), Stride: n}
	}
	if form%3 > 0 {
		e.Bias = bias
	}
	switch form % 5 {
	case 1:
		e.Residual = Matrix{F32: res, Stride: n}
	case 2:
		e.Residual = Matrix{BF16: narrowed(res), Stride: n}
	case 3: // in place
		e.Residual = out
		if out.BF16 != nil {
			copy(out.BF16, narrowed(res))
		} else {
			copy(out.F32, res)
		}
	}
	Pack(2, w, k, n, trans).Multiply(3, out, left, m, e)
	for i := range m {
		for j := range n {
			var sum, size float64
			for l := range k {
				v := w[l*n+j]
				if trans {
					v = w[j*k+l]
				}
				sum += float64(a[i*k+l]) * float64(v)
				size += math.Abs(float64(a[i*k+l]) * float64(v))
			}
			sum *= float64(e.Alpha)
			if e.Bias != nil {
				sum += float64(bias[j])
			}
			var left float64
			if form%5 > 0 && form%5 < 4 {
				left = float64(res[i*n+j])
			}
			want := act(sum, e.Act) + left
			if e.ActLast {
				want = act(sum+left, e.Act)
			}
			tol := 1e-6*(size+4) + 3e-7*math.Abs(want)
			var got float64
			if out.BF16 != nil {
				got = float64(Widened(out.BF16[i*n+j]))
				tol += math.Abs(want) / 256
			} else {
				got = float64(out.F32[i*n+j])
			}
			if d := math.Abs(got - want); !(d <= tol) {
				t.Fatalf("%d x %d x %d, form %d, element %d %d: %v, want %v", m, n, k, form, i, j, got, want)
			}
		}
	}
}

// TestThreadsDoNotChangeResults wants the same bits for any number of threads.
func TestThreadsDoNotChangeResults(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, s := range [][3]int{{200, 96, 130}, {9, 640, 200}} {
			m, n, k := s[0], s[1], s[2]
			w, a := Pack(1, random(r, k*n), k, n, true), random(r, m*k)
			var want []float32
			for threads := 1; threads < 8; threads++ {
				out := make([]float32, m*n)
				w.Multiply(threads, Matrix{F32: out, Stride: n}, Matrix{F32: a, Stride: k}, m,
					Epilogue{Alpha: 1, Act: engine.QuickGELU})
				if want == nil {
					want = out
				}
				if !slices.Equal(out, want) {
					t.Errorf("%v: %d threads give another result", s, threads)
				}
			}
		}
	})
}

func TestTransposedAndUnpacked(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, s := range [][2]int{{1, 1}, {7, 33}, {64, 32}, {90, 70}} {
		k, n := s[0], s[1]
		x := random(r, k*n)
		for _, trans := range []bool{false, true} {
			w, got := Pack(2, x, k, n, trans), make([]float32, k*n)
			w.Unpack(2, got, trans)
			if !slices.Equal(got, x) {
				t.Errorf("%v, transposed %v: other values come back", s, trans)
			}
			w.Transposed(2).Unpack(2, got, !trans)
			if !slices.Equal(got, x) {
				t.Errorf("%v, transposed %v: the transpose has other values", s, trans)
			}
		}
	}
}

// TestRoundIsTheDefinition compares the assembly with the definition, and that
// with the neighbours of a value.
func TestRoundIsTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var x []float32
	for range 1 << 14 {
		x = append(x, math.Float32frombits(r.Uint32()))
	}
	inf := float32(math.Inf(1))
	x = append(x, 0, float32(math.Copysign(0, -1)), inf, -inf, math.MaxFloat32, -math.MaxFloat32, 1, 1+1.0/256,
		1+3.0/256, 1e-40, float32(math.NaN()))
	for len(x)%32 != 0 {
		x = append(x, 1)
	}
	got := narrowed(x)
	for i, v := range x {
		if got[i] != Rounded(v) && v == v {
			t.Fatalf("%v (%x) becomes %x, by definition %x", v, math.Float32bits(v), got[i], Rounded(v))
		}
		w := Widened(got[i])
		if v != v {
			if w == w {
				t.Fatalf("NaN becomes %v", w)
			}
			continue
		}
		if a := math.Abs(float64(v)); a > 2e-38 && a < 3e38 && math.Abs(float64(w)-float64(v)) > a/256 {
			t.Fatalf("%v becomes %v", v, w)
		}
	}
	back := make([]float32, len(x))
	Widen(back, got)
	for i := range back {
		if math.Float32bits(back[i]) != uint32(got[i])<<16 {
			t.Fatalf("%x widened is %x", got[i], math.Float32bits(back[i]))
		}
	}
}

func TestNaNReachesTheResult(t *testing.T) {
	nan := float32(math.NaN())
	eachKernel(t, func(t *testing.T) {
		for a := engine.Identity; a <= engine.ReLU; a++ {
			w := Pack(1, []float32{1, 2, 3, 4}, 2, 2, false)
			out := make([]float32, 4)
			w.Multiply(1, Matrix{F32: out, Stride: 2}, Matrix{F32: []float32{nan, 1, 1, 1}, Stride: 2}, 2,
				Epilogue{Alpha: 1, Act: a})
			if out[0] == out[0] || out[1] == out[1] || out[2] != out[2] || out[3] != out[3] {
				t.Errorf("activation %d: %v", a, out)
			}
		}
	})
}
