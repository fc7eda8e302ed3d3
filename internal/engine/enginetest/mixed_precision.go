package enginetest

import (
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// in16 returns a with its values rounded to the engine's 16 bits, to be put on
// the engine in that form and on the reference as float32.
func (b *bench) in16(a array) array {
	b.Helper()
	a.float16 = true
	t := b.on(b.e, a)
	a.floats = b.read(b.e, t)
	b.e.Release(t)
	return a
}

// rounded stores values in 16 bits in place of float32, if the engine has them.
func (b *bench) rounded(e engine.Engine, wide *tensor.Dense) *tensor.Dense {
	b.Helper()
	if !engine.StoresFloat16(e) {
		return wide
	}
	n := e.(engine.MixedPrecision)
	buf, err := e.New(tensor.Float32, (wide.Shape().TotalSize()+1)/2)
	if err != nil {
		b.Fatal(err)
	}
	t := n.ViewFloat16(buf, wide.Shape()...)
	if err := n.Cast(t, wide); err != nil {
		b.Fatal(err)
	}
	e.Release(wide)
	return t
}

// widened returns a float32 copy of a tensor in 16 bits.
func (b *bench) widened(e engine.Engine, t *tensor.Dense) *tensor.Dense {
	b.Helper()
	wide, err := e.New(tensor.Float32, t.Shape()...)
	if err == nil {
		err = e.(engine.MixedPrecision).Cast(wide, t)
	}
	if err != nil {
		b.Fatal(err)
	}
	return wide
}

// float16Gemm checks products with 16-bit activations on either side; the right
// factor is frozen, as weights are.
func (b *bench) float16Gemm() {
	for _, c := range []struct {
		m, n, k                 int
		in, out, bias, residual bool // in and out: in 16 bits
		residual16, unfrozen    bool
		act                     engine.Act
		last                    bool
	}{
		{m: 9, n: 16, k: 24, in: true, out: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, residual16: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true},
		{m: 9, n: 16, k: 24, in: true, bias: true, residual: true, residual16: true},
		{m: 9, n: 16, k: 24, out: true, bias: true, residual: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, act: engine.QuickGELU},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, residual16: true, act: engine.GELU},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, residual16: true, act: engine.ReLU,
			last: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, act: engine.ReLU, last: true},
		{m: 9, n: 16, k: 24, in: true, out: true, bias: true, residual: true, residual16: true, unfrozen: true},
		{m: 9, n: 15, k: 21, in: true, out: true, bias: true}, // rows that are not whole 16 bytes
		{m: 9, n: 15, k: 21, in: true, bias: true},
	} {
		a, w := b.normal(c.m, c.k), b.in16(b.normal(c.n, c.k))
		w.float16 = false // weights are float32; these have 16-bit values
		a = b.in16(a)
		a.float16 = c.in
		in := []array{a, w}
		if c.bias {
			bias := b.in16(b.normal(c.n))
			bias.float16 = false
			in = append(in, bias)
		}
		if c.residual {
			r := b.in16(b.normal(c.m, c.n))
			r.float16 = c.residual16
			in = append(in, r)
		}
		b.expect(elementwise) // sums of exact products
		if c.out || c.residual || c.act != engine.Identity {
			b.expect(product16)
		}
		k := func(e engine.Engine, in, out tensors) error {
			if !c.unfrozen {
				e.Freeze(in[1])
			}
			g := engine.Gemm{Out: out[0], A: in[0], B: in[1], TransB: true, Alpha: 1, Act: c.act, ActLast: c.last}
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

// float16Cast checks the rounding of every kind of value.
func (b *bench) float16Cast() {
	b.expect(stored16)
	vs := []float32{0, 1, -1, 1 + 1.0/256, 1 + 3.0/256, 1 + 1.0/2048, 1 + 3.0/2048, 65504, -65504, 1e-3, 6e-5, 3e-6,
		5.9604645e-08, 1.1e-7, -3.14159}
	got := b.in16(floats(vs, len(vs)))
	for i, v := range vs {
		least := 0.0
		if b.precision == "fp16" {
			least = math.Ldexp(1, -25) // half the step of half's subnormals
		}
		if d := math.Abs(float64(got.floats[i] - v)); !(d <= math.Max(b.tol.each*math.Abs(float64(v)), least)) {
			b.Errorf("%g becomes %g in 16 bits", v, got.floats[i])
		}
	}
}
