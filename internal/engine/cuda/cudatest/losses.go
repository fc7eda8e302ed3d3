package cudatest

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Losses checks the losses with their gradients.
func (b *Bench) Losses() {
	b.Tol = 5e-5
	forms := []engine.CrossEntropy{{}, {Smoothing: 0.1}, {Confidence: 0.2}, {FocalGamma: 3}, {FocalGamma: 2, Smoothing: 0.05}, {MarginAlpha: 0.1, Margin: 1}}
	for _, s := range [][2]int{{1, 1}, {1, 2}, {9, 5}, {33, 100}, {130, 17}} {
		n, k := s[0], s[1]
		x, dy := b.normal(n, k), b.normal(n, k)
		for i := range x.floats { // the spread of scaled cosines
			x.floats[i] *= 4
		}
		in := []array{x, b.indices(n, 0, k), dy, b.normal(n), b.normal(n, 2)}
		one := func(what string, kern kernel, shapes ...[]int) {
			b.Helper()
			b.same(fmt.Sprint(what, " ", s), in, kern, shapes...)
		}
		for _, f := range forms {
			one(fmt.Sprintf("CrossEntropy %+v", f), func(e engine.Engine, i, o tensors) error {
				return e.CrossEntropy(o[0], o[1], i[0], i[1], f)
			}, sh(1), sh(n, k))
			one("CrossEntropy without gradient", func(e engine.Engine, i, o tensors) error {
				return e.CrossEntropy(o[0], nil, i[0], i[1], f)
			}, sh(1))
		}
		one("RowRange", func(e engine.Engine, i, o tensors) error { return e.RowRange(o[0], i[2]) }, sh(n, 2))
		one("RangeMap", func(e engine.Engine, i, o tensors) error { return e.RangeMap(o[0], i[0], i[4]) }, sh(n, k))
		one("RangeMapGrad", func(e engine.Engine, i, o tensors) error { return e.RangeMapGrad(o[0], i[0], i[4], i[2]) }, sh(n, k))
		one("RangePenalty", func(e engine.Engine, i, o tensors) error {
			if err := e.RowRange(o[2], i[2]); err != nil {
				return err
			}
			return e.RangePenalty(o[0], o[1], i[0], o[2], 10)
		}, sh(1), sh(n, k), sh(n, 2))
		one("SquareDistance", func(e engine.Engine, i, o tensors) error {
			return e.SquareDistance(o[0], o[1], i[0], i[2], i[3])
		}, sh(1), sh(n, k))
		one("SquareDistance alone", func(e engine.Engine, i, o tensors) error {
			return e.SquareDistance(o[0], nil, i[0], i[2], i[3])
		}, sh(1))
	}
	b.ties()
}

// ties checks that the first of equal extremes takes the gradient.
func (b *Bench) ties() {
	const k = 70
	x := array{shape: sh(3, k), floats: make([]float32, 3*k)} // the first row is flat
	for j := range k {
		x.floats[k+j], x.floats[2*k+j] = float32(j%3), float32(-j%5)
	}
	in := []array{x, b.normal(3, 2), b.normal(3, k), b.indices(3, 0, k)}
	b.same("RangeMap of ties", in, func(e engine.Engine, i, o tensors) error { return e.RangeMap(o[0], i[0], i[1]) }, sh(3, k))
	b.same("RangeMapGrad of ties", in, func(e engine.Engine, i, o tensors) error { return e.RangeMapGrad(o[0], i[0], i[1], i[2]) }, sh(3, k))
	b.same("margin with ties", in, func(e engine.Engine, i, o tensors) error {
		return e.CrossEntropy(o[0], o[1], i[0], i[3], engine.CrossEntropy{MarginAlpha: 1, Margin: 0.5})
	}, sh(1), sh(3, k))
}

// Optimizers checks three steps of each rule.
func (b *Bench) Optimizers() {
	const n = 1003
	in := []array{b.normal(n), b.normal(n)}
	start := func(e engine.Engine, in, out tensors) error {
		if err := e.Axpby(out[0], 1, in[0], 0, nil); err != nil {
			return err
		}
		for _, t := range out[1:] {
			if err := e.Fill(t, 0); err != nil {
				return err
			}
		}
		return nil
	}
	steps := func(step func(e engine.Engine, g *tensor.Dense, o tensors, step int) error) kernel {
		return func(e engine.Engine, i, o tensors) error {
			err := start(e, i, o)
			for s := 1; s < 4 && err == nil; s++ {
				err = step(e, i[1], o, s)
			}
			return err
		}
	}
	b.same("SGD", in, steps(func(e engine.Engine, g *tensor.Dense, o tensors, _ int) error {
		return e.SGD(o[0], o[1], g, 0.1, 0.9, 0.01)
	}), sh(n), sh(n))
	b.same("AdamW", in, steps(func(e engine.Engine, g *tensor.Dense, o tensors, s int) error {
		return e.AdamW(o[0], o[1], o[2], g, engine.AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1}, s)
	}), sh(n), sh(n), sh(n))
}
