package bgemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// stored is x, of rows of n values, in rows of stride, in 16 bits or in 32, and
// transposed.
func stored(x []float32, n int, narrow, trans bool) Factor {
	m, stride := len(x)/n, n+3
	if trans {
		stride = m + 3
	}
	wide := make([]float32, max(n, m)*stride+len(x)) // more than enough
	for i := range m {
		for j := range n {
			if trans {
				wide[j*stride+i] = x[i*n+j]
			} else {
				wide[i*stride+j] = x[i*n+j]
			}
		}
	}
	if narrow {
		return Factor{Matrix{BF16: narrowed(wide), Stride: stride}, trans}
	}
	return Factor{Matrix{F32: wide, Stride: stride}, trans}
}

// TestProductAgreesWithDefinition compares with float64 on values that are exact
// in bfloat16, and with itself on another number of threads.
func TestProductAgreesWithDefinition(t *testing.T) {
	sizes := [][3]int{{1, 1, 1}, {5, 7, 3}, {12, 32, 64}, {13, 33, 65}, {40, 96, 31}, {70, 100, 301}, {3, 300, 90},
		{300, 64, 770}}
	if testing.Short() {
		sizes = sizes[:len(sizes)-1] // an emulator takes a minute for the last
	}
	eachKernel(t, func(t *testing.T) {
		if active.dot == nil {
			t.Skip("this kernel does not multiply bfloat16")
		}
		r := rand.New(rand.NewPCG(5, 6))
		for _, s := range sizes {
			m, n, k := s[0], s[1], s[2]
			x, y, bias := random(r, m*k), random(r, k*n), random(r, n)
			for form := range 16 {
				a, b := stored(x, k, form&1 > 0, form&2 > 0), stored(y, n, form&4 > 0, form&8 > 0)
				out := Matrix{F32: make([]float32, m*n), Stride: n}
				Product(3, out, a, b, m, n, k, Epilogue{Alpha: 0.5, Bias: bias})
				for i := range m {
					for j := range n {
						sum, size := 0.0, 0.0
						for l := range k {
							v := float64(x[i*k+l]) * float64(y[l*n+j])
							sum += v
							size += math.Abs(v)
						}
						want := sum/2 + float64(bias[j])
						if d := math.Abs(float64(out.F32[i*n+j]) - want); !(d <= 1e-6*(size+4)) {
							t.Fatalf("%v, form %d, element %d, %d: %v, want %v", s, form, i, j, out.F32[i*n+j], want)
						}
					}
				}
				again := Matrix{F32: make([]float32, m*n), Stride: n}
				Product(1, again, a, b, m, n, k, Epilogue{Alpha: 0.5, Bias: bias})
				if !slices.Equal(out.F32, again.F32) {
					t.Fatalf("%v, form %d: one thread gives other bits", s, form)
				}
			}
		}
	})
}

func TestProductRefusesMatricesThatAreTooSmall(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		a, b := stored(make([]float32, 6), 3, false, false), stored(make([]float32, 6), 2, false, false)
		for _, m := range []int{2, 30} { // the second does not fit, whatever the kernel
			refused := func() (r any) {
				defer func() { r = recover() }()
				Product(1, Matrix{F32: make([]float32, 4), Stride: 2}, a, b, m, 2, 3, Epilogue{Alpha: 1})
				return nil
			}()
			if want := m == 30 || active.dot == nil; (refused != nil) != want {
				t.Errorf("%d rows: panic %v", m, refused)
			}
		}
	})
}

// TestAttentionGradientAgreesWithDefinition compares with float64 on inputs of
// 16 bits.
func TestAttentionGradientAgreesWithDefinition(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, s := range [][2]int{{1, 1}, {5, 64}, {12, 32}, {17, 33}, {50, 64}, {77, 48}, {197, 64}, {33, 96}} {
			for _, wide := range []bool{false, true} {
				checkAttentionGradient(t, r, s[0], s[1], wide)
			}
		}
	})
}

func checkAttentionGradient(t *testing.T, r *rand.Rand, n, dim int, wide bool) {
	t.Helper()
	const scale = 0.2
	stride := 3*dim + 6
	x, dout := random(r, n*stride), random(r, n*dim)
	y := attended(x, stride, n, dim, scale)
	out := make([]float32, len(y))
	for i, v := range y {
		out[i] = float32(v)
	}
	show := func(v []float32, stride int) Matrix { return stored(v, stride, !wide, false).Matrix }
	in, got := Matrix{F32: x, Stride: stride}, Matrix{F32: make([]float32, n*stride), Stride: stride}
	if !wide {
		in, got = Matrix{BF16: narrowed(x), Stride: stride}, Matrix{BF16: make([]uint16, n*stride), Stride: stride}
	}
	a := Attention{Q: in, K: in.From(dim), V: in.From(2 * dim), Out: show(out, dim), N: n, Dim: dim, Scale: scale}
	a.Gradient(got, got.From(dim), got.From(2*dim), show(dout, dim))
	want := attendedGradient(x, dout, y, stride, n, dim, scale)
	for part := range 3 { // each by its own size
		var worst, size float64
		for i := range n {
			for c := range dim {
				at := i*stride + part*dim + c
				v := 0.0
				if wide {
					v = float64(got.F32[at])
				} else {
					v = float64(Widened(got.BF16[at]))
				}
				worst, size = max(worst, math.Abs(v-want[at])), max(size, math.Abs(want[at]))
			}
		}
		// One token has no slope but what rounding its result leaves of it.
		if !(worst <= 2.0/256*max(size, 0.3)) {
			t.Fatalf("%d tokens, heads of %d, float32 %v, part %d: off by %.2g of %.2g", n, dim, wide, part, worst,
				size)
		}
	}
}

// attendedGradient is the definition.
func attendedGradient(x, dout []float32, out []float64, stride, n, dim int, scale float64) []float64 {
	d := make([]float64, n*stride)
	at := func(i, part, c int) int { return i*stride + part*dim + c }
	for i := range n {
		p, sum, mean := make([]float64, n), 0.0, 0.0
		for c := range dim {
			mean += float64(dout[i*dim+c]) * out[i*dim+c]
		}
		for j := range n {
			s := 0.0
			for c := range dim {
				s += float64(x[at(i, 0, c)]) * float64(x[at(j, 1, c)])
			}
			p[j] = math.Exp(scale * s)
			sum += p[j]
		}
		for j := range n {
			dp := 0.0
			for c := range dim {
				dp += float64(dout[i*dim+c]) * float64(x[at(j, 2, c)])
			}
			ds := scale * p[j] / sum * (dp - mean)
			for c := range dim {
				d[at(i, 0, c)] += ds * float64(x[at(j, 1, c)])
				d[at(j, 1, c)] += ds * float64(x[at(i, 0, c)])
				d[at(j, 2, c)] += p[j] / sum * float64(dout[i*dim+c])
			}
		}
	}
	return d
}

// TestColumnsArePackedAsRowsAre holds the packing of columns, that for AMX too, to
// the packing of the transpose's rows.
func TestColumnsArePackedAsRowsAre(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, k := range []int{1, 2, 31, 32, 33, 65, 128} {
		x := random(r, 80*k)
		rows, columns := stored(x, k, true, false).Matrix, stored(x, k, true, true).Matrix
		for _, kind := range []struct {
			rows, packed  int
			pack, columns func([]uint16, Matrix, int, int, int)
		}{{dotRows, dotPacked(k), packDot, packDotColumns}, {tileRows, tilesPacked(k), packTiles, packTileColumns}} {
			for n := range kind.rows {
				want, got := slices.Repeat([]uint16{1}, kind.packed), slices.Repeat([]uint16{2}, kind.packed)
				kind.pack(want, rows, 7, n+1, k)
				kind.columns(got, columns, 7, n+1, k)
				if !slices.Equal(got, want) {
					t.Fatalf("tiles of %d rows, %d columns of %d packed otherwise", kind.rows, n+1, k)
				}
			}
		}
	}
}
