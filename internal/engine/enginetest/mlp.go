package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// partwise says whether an engine computes MLPs some rows at a time.
func partwise(e engine.Engine) bool {
	_, ok := e.(engine.PartwiseMLP)
	return ok
}

// mlpOf computes an MLP by parts of some rows where the engine can, else as two products.
func mlpOf(m engine.MLP, rows int) kernel {
	return func(e engine.Engine, in, out tensors) error {
		m := m
		m.X, m.W1, m.B1, m.W2, m.B2, m.Residual, m.Out = in[0], in[1], in[2], in[3], in[4], in[5], out[0]
		for _, w := range []int{1, 3} {
			e.Freeze(in[w])
		}
		if p, ok := e.(engine.PartwiseMLP); ok {
			return p.MLP(m, rows)
		}
		hidden, err := e.New(tensor.Float32, in[0].Shape()[0], in[1].Shape()[0])
		if err != nil {
			return err
		}
		defer e.Release(hidden)
		if err := e.Gemm(engine.Gemm{Out: hidden, A: m.X, B: m.W1, TransB: true, Alpha: 1, Bias: m.B1,
			Act: m.Act}); err != nil {
			return err
		}
		return e.Gemm(engine.Gemm{Out: m.Out, A: hidden, B: m.W2, TransB: true, Alpha: 1, Bias: m.B2,
			Residual: m.Residual})
	}
}

// mlp checks MLPs whose parts are of one row, cut the rows unevenly, or are all.
func (b *bench) mlp() {
	b.expect(frozenProduct)
	b.tol.of *= 4 // two products, the larger of the differences
	const n, width, hidden = 37, 16, 64
	in := []array{b.normal(n, width), b.normal(hidden, width), b.normal(hidden), b.normal(width, hidden),
		b.normal(width), b.normal(n, width)}
	for _, rows := range []int{1, 8, 36, 37, 100} {
		for act := engine.Identity; act <= engine.ReLU; act++ {
			what := fmt.Sprintf("MLP %v, %d rows at a time", act, rows)
			b.same(what, in, mlpOf(engine.MLP{Act: act}, rows), sh(n, width))
			if engine.StoresFloat16(b.e) {
				b.stored(what, in, []int{0, 5}, mlpOf(engine.MLP{Act: act}, rows), sh(n, width))
			}
		}
	}
	e, t := b.e.(engine.PartwiseMLP), make(tensors, len(in))
	for i, a := range in {
		t[i] = b.on(b.e, a)
	}
	fits := engine.MLP{Out: b.on(b.e, b.normal(n, width)), X: t[0], W1: t[1], B1: t[2], W2: t[3], B2: t[4],
		Residual: t[5]}
	if err := e.MLP(fits, 5); err != nil {
		b.Error(err)
	}
	for name, change := range map[string]func(*engine.MLP){
		"nothing": func(m *engine.MLP) { *m = engine.MLP{} }, "activation": func(m *engine.MLP) { m.Act = 9 },
		"first weight": func(m *engine.MLP) { m.W1 = t[2] }, "second weight": func(m *engine.MLP) { m.W2 = t[4] },
		"first bias": func(m *engine.MLP) { m.B1 = t[4] }, "second bias": func(m *engine.MLP) { m.B2 = t[2] },
		"residual": func(m *engine.MLP) { m.Residual = t[1] }, "result": func(m *engine.MLP) { m.Out = t[1] },
	} {
		m := fits
		change(&m)
		b.refused("MLP: "+name, func() error { return e.MLP(m, 5) })
	}
	b.refused("MLP of no rows", func() error { return e.MLP(fits, 0) })
}
