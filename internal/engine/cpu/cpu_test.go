package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/dnnl"
	"clipcalib/internal/engine/cuda/cudatest"
	"clipcalib/internal/engine/ref"

	"gorgonia.org/tensor"
)

// bench holds a tested engine beside the reference and compares what they
// compute from the same inputs.
type bench struct {
	*testing.T
	cpu *Engine
	ref *ref.Engine
	r   *rand.Rand
	tol float64
}

// eachEngine runs a test on every way this program has of computing in
// float32, with one thread and with three.
func eachEngine(t *testing.T, f func(b *bench)) {
	options := []Options{{Threads: 1, PureGo: true}, {Threads: 3, PureGo: true}}
	if dnnl.Available() {
		options = append(options, Options{Threads: 2})
	}
	for _, o := range options {
		e, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.ReplaceAll(e.Name(), " ", "_"), func(t *testing.T) {
			f(&bench{t, e, ref.New(), rand.New(rand.NewPCG(1, 2)), 2e-5})
		})
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (b *bench) tensor(shape ...int) *tensor.Dense {
	t := b.empty(shape...)
	d := f32(t)
	for i := range d {
		d[i] = float32(b.r.NormFloat64())
	}
	return t
}

func (b *bench) empty(shape ...int) *tensor.Dense {
	t, err := b.cpu.New(tensor.Float32, shape...)
	if err != nil {
		b.Fatal(err)
	}
	d := f32(t)
	for i := range d {
		d[i] = float32(math.NaN())
	}
	return t
}

func (b *bench) ints(v []int32, shape ...int) *tensor.Dense {
	t, err := b.cpu.New(tensor.Int32, shape...)
	if err != nil {
		b.Fatal(err)
	}
	copy(i32(t), v)
	return t
}

// same runs a kernel on both engines, writing to tensors of the given shapes,
// and compares: the largest difference may be tol times the largest value.
func (b *bench) same(what string, run func(e engine.Engine, out []*tensor.Dense) error, shapes ...[]int) {
	b.Helper()
	var got, want []*tensor.Dense
	for _, s := range shapes {
		got, want = append(got, b.empty(s...)), append(want, b.empty(s...))
	}
	if err := run(b.cpu, got); err != nil {
		b.Fatalf("%s: %v", what, err)
	}
	if err := run(b.ref, want); err != nil {
		b.Fatalf("%s on the reference: %v", what, err)
	}
	for k := range want {
		x, y := f32(got[k]), f32(want[k])
		scale := 1.0
		for _, v := range y {
			scale = math.Max(scale, math.Abs(float64(v)))
		}
		for i := range y {
			if d := math.Abs(float64(x[i]) - float64(y[i])); !(d <= b.tol*scale) {
				b.Fatalf("%s: result %d, element %d of %v is %v, want %v", what, k, i, shapes[k], x[i], y[i])
			}
		}
	}
}

func sh(d ...int) []int { return d }

func TestGemmAgreesWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		b.tol = 1e-4
		for _, s := range [][3]int{{1, 1, 1}, {1, 9, 4}, {5, 7, 3}, {33, 17, 65}, {64, 96, 48}, {130, 70, 129}, {3, 300, 90}} {
			m, n, k := s[0], s[1], s[2]
			for mask := 0; mask < 64; mask += 1 + m/50 {
				g := engine.Gemm{TransA: mask&1 > 0, TransB: mask&2 > 0, Alpha: 1, Act: engine.Act(mask >> 4)}
				g.A, g.B = b.tensor(m, k), b.tensor(k, n)
				if g.TransA {
					g.A = b.tensor(k, m)
				}
				if g.TransB {
					g.B = b.tensor(n, k)
				}
				if mask&4 > 0 {
					g.Bias = b.tensor(n)
				}
				if mask&8 > 0 {
					g.Residual = b.tensor(m, n)
				}
				if mask%3 == 0 {
					g.Alpha = 0.5
				}
				what := fmt.Sprintf("m=%d n=%d k=%d mask=%b", m, n, k, mask)
				b.same(what, func(e engine.Engine, out []*tensor.Dense) error {
					g := g
					g.Out = out[0]
					return e.Gemm(g)
				}, sh(m, n))
				if g.Residual == nil {
					continue
				}
				b.same(what+" in place", func(e engine.Engine, out []*tensor.Dense) error {
					g := g
					copy(f32(out[0]), f32(g.Residual))
					g.Out, g.Residual = out[0], out[0]
					return e.Gemm(g)
				}, sh(m, n))
			}
		}
	})
}

func TestElementwiseAgreesWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		for _, n := range []int{1, 7, 64, 1025, 100003} {
			x, y, z, s := b.tensor(n), b.tensor(n), b.tensor(n), b.tensor(1)
			for act := engine.Identity; act <= engine.ReLU; act++ {
				b.same("Act", func(e engine.Engine, o []*tensor.Dense) error { return e.Act(o[0], x, act) }, sh(n))
				b.same("ActGrad", func(e engine.Engine, o []*tensor.Dense) error { return e.ActGrad(o[0], x, y, act) }, sh(n))
			}
			for terms := 1; terms <= 3; terms++ {
				b.same("Sum", func(e engine.Engine, o []*tensor.Dense) error {
					return e.Sum(o[0], []*tensor.Dense{x, y, z}[:terms]...)
				}, sh(n))
			}
			b.same("Sum in place", func(e engine.Engine, o []*tensor.Dense) error {
				copy(f32(o[0]), f32(z))
				return e.Sum(o[0], x, o[0], y)
			}, sh(n))
			b.same("Axpby", func(e engine.Engine, o []*tensor.Dense) error { return e.Axpby(o[0], 2, x, -0.5, y) }, sh(n))
			b.same("Axpby of one", func(e engine.Engine, o []*tensor.Dense) error { return e.Axpby(o[0], 2, x, 9, nil) }, sh(n))
			b.same("ExpAffine", func(e engine.Engine, o []*tensor.Dense) error { return e.ExpAffine(o[0], x, 1.5, -0.5) }, sh(n))
			b.same("Mul", func(e engine.Engine, o []*tensor.Dense) error { return e.Mul(o[0], 0.3, x, y) }, sh(n))
			b.same("ScaleExp", func(e engine.Engine, o []*tensor.Dense) error { return e.ScaleExp(o[0], x, s) }, sh(n))
			b.same("Scale", func(e engine.Engine, o []*tensor.Dense) error { return e.Scale(o[0], x, 3, s) }, sh(n))
			b.same("Fill", func(e engine.Engine, o []*tensor.Dense) error { return e.Fill(o[0], 0.25) }, sh(n))
			b.same("Dot", func(e engine.Engine, o []*tensor.Dense) error { return e.Dot(o[0], 0.01, x, y) }, sh(1))
		}
	})
}

func TestNormsAgreeWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		b.tol = 1e-4
		for _, s := range [][2]int{{1, 1}, {1, 8}, {3, 7}, {200, 64}, {65, 129}, {500, 33}} {
			m, n := s[0], s[1]
			x, g, be, dy := b.tensor(m, n), b.tensor(n), b.tensor(n), b.tensor(m, n)
			if m > 2 {
				clear(f32(x)[n : 2*n])
			}
			b.same("LayerNorm", func(e engine.Engine, o []*tensor.Dense) error { return e.LayerNorm(o[0], x, g, be, 1e-5) }, sh(m, n))
			if n > 1 {
				clear(f32(dy)[min(n, m*n-n) : min(n, m*n-n)+n]) // the flat row amplifies rounding by 1/sqrt(eps)
				b.same("LayerNormGrad", func(e engine.Engine, o []*tensor.Dense) error {
					return e.LayerNormGrad(o[0], o[1], o[2], x, g, dy, 1e-5)
				}, sh(m, n), sh(n), sh(n))
				b.same("LayerNormGrad of x", func(e engine.Engine, o []*tensor.Dense) error {
					return e.LayerNormGrad(o[0], nil, nil, x, g, dy, 1e-5)
				}, sh(m, n))
				b.same("LayerNormGrad of parameters", func(e engine.Engine, o []*tensor.Dense) error {
					return e.LayerNormGrad(nil, o[0], o[1], x, g, dy, 1e-5)
				}, sh(n), sh(n))
			}
			b.same("L2Normalize", func(e engine.Engine, o []*tensor.Dense) error { return e.L2Normalize(o[0], x) }, sh(m, n))
			b.same("L2NormalizeGrad", func(e engine.Engine, o []*tensor.Dense) error { return e.L2NormalizeGrad(o[0], x, dy) }, sh(m, n))
			b.same("DivNorm", func(e engine.Engine, o []*tensor.Dense) error { return e.DivNorm(o[0], x, 0.5) }, sh(m, n))
			b.same("DivNormGrad", func(e engine.Engine, o []*tensor.Dense) error { return e.DivNormGrad(o[0], x, dy, 0.5) }, sh(m, n))
			b.same("ColSum", func(e engine.Engine, o []*tensor.Dense) error { return e.ColSum(o[0], dy) }, sh(n))
		}
	})
}

func TestAttentionAgreesWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		b.tol = 1e-4
		for _, s := range [][4]int{{1, 1, 1, 1}, {2, 5, 3, 7}, {3, 50, 2, 64}, {1, 197, 3, 64}, {2, 17, 4, 16}, {1, 300, 1, 32}} {
			batch, tokens, heads, dim := s[0], s[1], s[2], s[3]
			rows, w := batch*tokens, heads*dim
			qkv, dout, out := b.tensor(rows, 3*w), b.tensor(rows, w), b.empty(rows, w)
			b.same(fmt.Sprint("Attention ", s), func(e engine.Engine, o []*tensor.Dense) error {
				return e.Attention(o[0], qkv, batch, tokens, heads)
			}, sh(rows, w))
			if err := b.cpu.Attention(out, qkv, batch, tokens, heads); err != nil {
				b.Fatal(err)
			}
			b.same(fmt.Sprint("AttentionGrad ", s), func(e engine.Engine, o []*tensor.Dense) error {
				return e.AttentionGrad(o[0], qkv, out, dout, batch, tokens, heads)
			}, sh(rows, 3*w))
		}
	})
}

func TestTreeAttentionAgreesWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		b.tol = 1e-4
		for _, s := range [][3]int{{1, 1, 4}, {9, 2, 5}, {300, 4, 16}, {211, 2, 64}} {
			n, heads, dim := s[0], s[1], s[2]
			w := heads * dim
			tree := b.ints(cudatest.RandomTrie(b.r, n, 30), 3, n)
			qkv, dout, out := b.tensor(n, 3*w), b.tensor(n, w), b.empty(n, w)
			b.same("TreeAttention", func(e engine.Engine, o []*tensor.Dense) error {
				return e.TreeAttention(o[0], qkv, tree, heads)
			}, sh(n, w))
			if err := b.cpu.TreeAttention(out, qkv, tree, heads); err != nil {
				b.Fatal(err)
			}
			b.same("TreeAttentionGrad", func(e engine.Engine, o []*tensor.Dense) error {
				return e.TreeAttentionGrad(o[0], qkv, out, dout, tree, heads)
			}, sh(n, 3*w))
		}
	})
}

// benchTensor returns a tensor of small random values.
func benchTensor(b testing.TB, e *Engine, shape ...int) *tensor.Dense {
	t, err := e.New(tensor.Float32, shape...)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	d := f32(t)
	for i := range d {
		d[i] = float32(r.NormFloat64()) * 0.02
	}
	return t
}
