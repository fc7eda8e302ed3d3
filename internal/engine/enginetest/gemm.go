package enginetest

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"
)

// gemm checks products of all forms.
func (b *bench) gemm() {
	b.expect(products)
	shapes := [][3]int{{1, 1, 1}, {1, 9, 4}, {5, 7, 3}, {33, 17, 65}, {64, 96, 48}}
	if b.large {
		shapes = append(shapes, [3]int{130, 70, 129}, [3]int{3, 300, 90})
	}
	for _, s := range shapes {
		m, n, k := s[0], s[1], s[2]
		step := 1 + m/50
		if !b.large {
			step = 1 + m/20
		}
		for mask := 0; mask < 64; mask += step {
			b.product(m, n, k, mask)
		}
	}
	b.expect(norms)
	for _, s := range [][2]int{{1, 1}, {1, 8}, {3, 7}, {200, 64}, {65, 129}, {600, 33}, {5, 512}} {
		b.same(fmt.Sprint("ColSum ", s), []array{b.normal(s[0], s[1])}, func(e engine.Engine, i, o tensors) error {
			return e.ColSum(o[0], i[0])
		}, sh(s[1]))
	}
}

// product checks one form: the bits of mask are the transposes, bias, residual
// and, in two bits, the activation.
func (b *bench) product(m, n, k, mask int) {
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
	fill := func(in, out tensors) engine.Gemm {
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
	b.same(what, in, func(e engine.Engine, in, out tensors) error { return e.Gemm(fill(in, out)) }, sh(m, n))
	if mask&8 == 0 {
		return
	}
	inPlace := func(e engine.Engine, in, out tensors) error {
		g := fill(in, out)
		if err := e.Axpby(g.Out, 1, g.Residual, 0, nil); err != nil {
			return err
		}
		g.Residual = g.Out
		return e.Gemm(g)
	}
	b.same(what+" in place", in, inPlace, sh(m, n))
	form.ActLast = true
	b.same(what+" activation last", in, func(e engine.Engine, in, out tensors) error { return e.Gemm(fill(in, out)) },
		sh(m, n))
	b.same(what+" activation last, in place", in, inPlace, sh(m, n))
}

// frozen checks products by a weight that was handed to Freeze, and its gradient:
// the root mean square of the difference from the exact product is the rounding
// of the factors in the engine's precision, and not much less.
func (b *bench) frozen() {
	const m, n, k = 70, 96, 128
	b.expect(frozenProduct)
	in := []array{b.normal(m, k), b.normal(n, k), b.normal(m, n)}
	gemms := func(freeze bool) kernel {
		return func(e engine.Engine, i, o tensors) error {
			if freeze {
				e.Freeze(i[1])
			}
			if err := e.Gemm(engine.Gemm{Out: o[0], A: i[0], B: i[1], TransB: true, Alpha: 1}); err != nil {
				return err
			}
			return e.Gemm(engine.Gemm{Out: o[1], A: i[2], B: i[1], Alpha: 1})
		}
	}
	shapes := [][]int{sh(m, n), sh(m, k)}
	want := b.run(b.ref, "reference", in, gemms(false), false, shapes)
	for r, got := range b.run(b.e, "frozen product", in, gemms(true), false, shapes) {
		var diff, size float64
		for i, v := range want[r] {
			diff += math.Pow(float64(got[i])-float64(v), 2)
			size += float64(v) * float64(v)
		}
		d := math.Sqrt(diff / size)
		b.worst["frozen"] = math.Max(b.worst["frozen"], d)
		if !(d <= b.tol.of) {
			b.Errorf("result %d of a product by a frozen weight differs by %g, at most %g", r, d, b.tol.of)
		}
		if rounds := b.precision == "bf16" || b.precision == "fp16"; rounds && d < b.tol.of/100 {
			b.Errorf("result %d of a product by a frozen weight differs by %g: %s was not used", r, d, b.precision)
		}
	}
}
