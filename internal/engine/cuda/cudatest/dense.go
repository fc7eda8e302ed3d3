package cudatest

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Gemm checks products of all forms.
func (b *Bench) Gemm() {
	b.Tol = 1e-4
	for _, s := range [][3]int{{1, 1, 1}, {1, 9, 4}, {5, 7, 3}, {33, 17, 65}, {64, 96, 48}} {
		m, n, k := s[0], s[1], s[2]
		for mask := 0; mask < 64; mask += 1 + m/20 {
			b.gemm(m, n, k, mask)
		}
	}
}

// gemm checks one form: the bits of mask are the transposes, bias, residual
// and, in two bits, the activation.
func (b *Bench) gemm(m, n, k, mask int) {
	b.Helper()
	form := engine.Gemm{TransA: mask&1 > 0, TransB: mask&2 > 0, Alpha: 1, Act: engine.Act(mask >> 4)}
	if mask%3 == 0 {
		form.Alpha = 0.5
	}
	in := []array{b.normal(m, k), b.normal(k, n), b.normal(n), b.normal(m, n)}
	if form.TransA {
		in[0] = b.normal(k, m)
	}
	if form.TransB {
		in[1] = b.normal(n, k)
	}
	fill := func(in, out []*tensor.Dense) engine.Gemm {
		g := form
		g.A, g.B, g.Out = in[0], in[1], out[0]
		if mask&4 > 0 {
			g.Bias = in[2]
		}
		if mask&8 > 0 {
			g.Residual = in[3]
		}
		return g
	}
	what := fmt.Sprintf("Gemm m=%d n=%d k=%d mask=%b", m, n, k, mask)
	b.same(what, in, func(e engine.Engine, in, out []*tensor.Dense) error { return e.Gemm(fill(in, out)) }, sh(m, n))
	if mask&8 == 0 {
		return
	}
	b.same(what+" in place", in, func(e engine.Engine, in, out []*tensor.Dense) error {
		g := fill(in, out)
		if err := e.Axpby(g.Out, 1, g.Residual, 0, nil); err != nil {
			return err
		}
		g.Residual = g.Out
		return e.Gemm(g)
	}, sh(m, n))
}

// Elementwise checks the kernels that treat every element alike.
func (b *Bench) Elementwise() {
	for _, n := range []int{1, 7, 64, 1025, 5003} {
		in := []array{b.normal(n), b.normal(n), b.normal(n), b.normal(1)}
		one := func(what string, f func(e engine.Engine, o, x, y, z, s *tensor.Dense) error, shape ...int) {
			b.Helper()
			b.same(fmt.Sprint(what, " of ", n), in, func(e engine.Engine, in, out []*tensor.Dense) error {
				return f(e, out[0], in[0], in[1], in[2], in[3])
			}, shape)
		}
		type T = *tensor.Dense
		for act := engine.Identity; act <= engine.ReLU; act++ {
			one("Act", func(e engine.Engine, o, x, y, z, s T) error { return e.Act(o, x, act) }, n)
			one("ActGrad", func(e engine.Engine, o, x, y, z, s T) error { return e.ActGrad(o, x, y, act) }, n)
		}
		for terms := range 10 {
			one(fmt.Sprint("Sum of ", terms), func(e engine.Engine, o, x, y, z, s T) error {
				return e.Sum(o, []T{x, y, z, x, x, y, z, y, x}[:terms]...)
			}, n)
			one(fmt.Sprint("Sum in place of ", terms+1), func(e engine.Engine, o, x, y, z, s T) error {
				if err := e.Axpby(o, 1, z, 0, nil); err != nil {
					return err
				}
				list := []T{x, y, x, z, y, x, y, x, z}[:terms]
				return e.Sum(o, append(append([]T{}, list...), o)...)
			}, n)
		}
		one("Axpby", func(e engine.Engine, o, x, y, z, s T) error { return e.Axpby(o, 2, x, -0.5, y) }, n)
		one("Axpby of one", func(e engine.Engine, o, x, y, z, s T) error { return e.Axpby(o, 2, x, 9, nil) }, n)
		one("ExpAffine", func(e engine.Engine, o, x, y, z, s T) error { return e.ExpAffine(o, x, 1.5, -0.5) }, n)
		one("Mul", func(e engine.Engine, o, x, y, z, s T) error { return e.Mul(o, 0.3, x, y) }, n)
		one("ScaleExp", func(e engine.Engine, o, x, y, z, s T) error { return e.ScaleExp(o, x, s) }, n)
		one("Scale", func(e engine.Engine, o, x, y, z, s T) error { return e.Scale(o, x, 3, s) }, n)
		one("Fill", func(e engine.Engine, o, x, y, z, s T) error { return e.Fill(o, 0.25) }, n)
		one("Dot", func(e engine.Engine, o, x, y, z, s T) error { return e.Dot(o, 0.01, x, y) }, 1)
	}
}

// Norms checks the normalisations.
func (b *Bench) Norms() {
	b.Tol = 1e-4
	for _, s := range [][2]int{{1, 1}, {1, 8}, {3, 7}, {70, 64}, {65, 129}, {600, 33}, {5, 512}, {3, 1280}, {3, 1288}} {
		m, n := s[0], s[1]
		x, g, be, dy := b.normal(m, n), b.normal(n), b.normal(n), b.normal(m, n)
		if m > 2 { // a flat row amplifies rounding by 1/sqrt(eps): its gradient is left out
			clear(x.floats[n : 2*n])
			clear(dy.floats[n : 2*n])
		}
		in := []array{x, g, be, dy}
		one := func(what string, f func(e engine.Engine, in, out []*tensor.Dense) error, shapes ...[]int) {
			b.Helper()
			b.same(fmt.Sprint(what, " ", s), in, f, shapes...)
		}
		type T = []*tensor.Dense
		one("LayerNorm", func(e engine.Engine, i, o T) error { return e.LayerNorm(o[0], i[0], i[1], i[2], 1e-5) }, sh(m, n))
		if n > 1 {
			one("LayerNormGrad", func(e engine.Engine, i, o T) error {
				return e.LayerNormGrad(o[0], o[1], o[2], i[0], i[1], i[3], 1e-5)
			}, sh(m, n), sh(n), sh(n))
			one("LayerNormGrad of x", func(e engine.Engine, i, o T) error {
				return e.LayerNormGrad(o[0], nil, nil, i[0], i[1], i[3], 1e-5)
			}, sh(m, n))
			one("LayerNormGrad of parameters", func(e engine.Engine, i, o T) error {
				return e.LayerNormGrad(nil, o[0], o[1], i[0], i[1], i[3], 1e-5)
			}, sh(n), sh(n))
		}
		one("L2Normalize", func(e engine.Engine, i, o T) error { return e.L2Normalize(o[0], i[0]) }, sh(m, n))
		one("L2NormalizeGrad", func(e engine.Engine, i, o T) error { return e.L2NormalizeGrad(o[0], i[0], i[3]) }, sh(m, n))
		one("DivNorm", func(e engine.Engine, i, o T) error { return e.DivNorm(o[0], i[0], 0.5) }, sh(m, n))
		one("DivNormGrad", func(e engine.Engine, i, o T) error { return e.DivNormGrad(o[0], i[0], i[3], 0.5) }, sh(m, n))
		one("ColSum", func(e engine.Engine, i, o T) error { return e.ColSum(o[0], i[3]) }, sh(n))
	}
}
