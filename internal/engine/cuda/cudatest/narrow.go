package cudatest

import (
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// NarrowChecks are the checks of kernels over 16-bit activations, for engines
// that have them.
var NarrowChecks = map[string]func(*Bench){
	"Attention":     (*Bench).NarrowAttention,
	"Cast":          (*Bench).NarrowCast,
	"Gemm":          (*Bench).NarrowGemm,
	"Pixels":        (*Bench).NarrowPixels,
	"Elementwise":   (*Bench).NarrowElementwise,
	"LayerNorm":     (*Bench).NarrowLayerNorm,
	"Rows":          (*Bench).NarrowRows,
	"TreeAttention": (*Bench).NarrowTreeAttention,
}

// narrow returns a with its values rounded to the engine's 16 bits, to be put
// on the engine in that form and on the reference as float32.
func (b *Bench) narrow(a array) array {
	b.Helper()
	a.narrow = true
	t := b.on(b.E, a)
	a.floats = b.read(b.E, t)
	b.E.Release(t)
	return a
}

// put brings a's values to an engine in 16 bits, if it has them.
func (b *Bench) put(e engine.Engine, wide *tensor.Dense) *tensor.Dense {
	b.Helper()
	n, ok := e.(engine.Narrower)
	if !ok || !n.Narrows() {
		return wide
	}
	buf, err := e.New(tensor.Float32, (wide.Shape().TotalSize()+1)/2)
	if err != nil {
		b.Fatal(err)
	}
	t := n.ViewNarrow(buf, wide.Shape()...)
	if err := n.Cast(t, wide); err != nil {
		b.Fatal(err)
	}
	e.Release(wide)
	return t
}

// widened returns a float32 copy of a narrow tensor.
func (b *Bench) widened(e engine.Engine, t *tensor.Dense) *tensor.Dense {
	b.Helper()
	wide, err := e.New(tensor.Float32, t.Shape()...)
	if err == nil {
		err = e.(engine.Narrower).Cast(wide, t)
	}
	if err != nil {
		b.Fatal(err)
	}
	return wide
}

// Unit is the largest relative error of one rounding to the engine's 16 bits:
// 2^-8 in bfloat16, 2^-11 in half.
func (b *Bench) Unit() float64 {
	b.Helper()
	x := b.narrow(array{shape: []int{1}, floats: []float32{1 + 1.0/1024}})
	if x.floats[0] == 1 {
		return math.Ldexp(1, -8)
	}
	return math.Ldexp(1, -11)
}

// NarrowGemm checks products with 16-bit activations on either side; the right
// factor is frozen, as weights are.
func (b *Bench) NarrowGemm() {
	unit := b.Unit()
	defer func(tol float64) { b.Tol = tol }(b.Tol)
	for _, c := range []struct {
		m, n, k                  int
		in, out, bias, residual  bool // in and out: narrow
		narrowResidual, unfrozen bool
		act                      engine.Act
	}{
		{m: 9, n: 16, k: 24, in: true, out: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, narrowResidual: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true},
		{m: 9, n: 16, k: 24, in: true, bias: true, residual: true, narrowResidual: true},
		{m: 9, n: 16, k: 24, out: true, bias: true, residual: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, act: engine.QuickGELU},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, narrowResidual: true, act: engine.GELU},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, narrowResidual: true, unfrozen: true},
		{m: 9, n: 15, k: 21, in: true, out: true, bias: true}, // rows that are not whole 16 bytes
		{m: 9, n: 15, k: 21, in: true, bias: true},
	} {
		a, w := b.normal(c.m, c.k), b.narrow(b.normal(c.n, c.k))
		w.narrow = false // weights are float32; these have 16-bit values
		a = b.narrow(a)
		a.narrow = c.in
		in := []array{a, w}
		if c.bias {
			bias := b.narrow(b.normal(c.n))
			bias.narrow = false
			in = append(in, bias)
		}
		if c.residual {
			r := b.narrow(b.normal(c.m, c.n))
			r.narrow = c.narrowResidual
			in = append(in, r)
		}
		b.Tol = 1e-5
		if c.out || c.residual || c.act != engine.Identity {
			b.Tol = 3 * unit // the product, the residual and the result are rounded
		}
		k := func(e engine.Engine, in, out []*tensor.Dense) error {
			if !c.unfrozen {
				e.Freeze(in[1])
			}
			g := engine.Gemm{Out: out[0], A: in[0], B: in[1], TransB: true, Alpha: 1, Act: c.act}
			rest := in[2:]
			if c.bias {
				if g.Bias = rest[0]; c.in && !c.unfrozen {
					e.Freeze(g.Bias)
				}
				rest = rest[1:]
			}
			if c.residual {
				g.Residual = rest[0]
			}
			return e.Gemm(g)
		}
		b.sameStored("product with 16-bit activations", in, k, c.out, sh(c.m, c.n))
	}
}

// NarrowCast checks the rounding of every kind of value.
func (b *Bench) NarrowCast() {
	vs := []float32{0, 1, -1, 1 + 1.0/256, 1 + 3.0/256, 1 + 1.0/2048, 1 + 3.0/2048, 65504, -65504, 1e-3, 6e-5, 3e-6, 5.9604645e-08, 1.1e-7, -3.14159}
	unit := b.Unit()
	got := b.narrow(array{shape: []int{len(vs)}, floats: vs})
	for i, v := range vs {
		least := 0.0
		if unit < 1e-3 {
			least = math.Ldexp(1, -25) // half the step of half's subnormals
		}
		if d := math.Abs(float64(got.floats[i] - v)); !(d <= math.Max(unit*math.Abs(float64(v)), least)) {
			b.Errorf("%g becomes %g in 16 bits", v, got.floats[i])
		}
	}
}
