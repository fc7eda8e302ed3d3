package enginetest

import (
	"errors"
	"fmt"
	"slices"

	"clipcalib/internal/engine"
)

// rowShapes are matrices whose rows are normalised: kernels hold short rows in
// registers, and sum columns in chunks.
var rowShapes = [][2]int{{1, 1}, {1, 8}, {3, 7}, {70, 64}, {200, 64}, {65, 129}, {500, 33}, {600, 33}, {5, 512},
	{3, 1280}, {3, 1288}}

// normInputs are x, gamma, beta and dy. A flat row amplifies rounding by
// 1/sqrt(eps): its gradient is left out.
func (b *bench) normInputs(m, n int) []array {
	x, g, be, dy := b.normal(m, n), b.normal(n), b.normal(n), b.normal(m, n)
	if m > 2 {
		clear(x.floats[n : 2*n])
		clear(dy.floats[n : 2*n])
	}
	return []array{x, g, be, dy}
}

// layerNorm checks layer norm and its gradients, all and each alone.
func (b *bench) layerNorm() {
	b.expect(norms)
	for _, s := range rowShapes {
		m, n := s[0], s[1]
		in := b.normInputs(m, n)
		one := func(what string, k kernel, shapes ...[]int) {
			b.Helper()
			b.same(fmt.Sprint(what, " ", s), in, k, shapes...)
		}
		one("LayerNorm", func(e engine.Engine, i, o tensors) error { return e.LayerNorm(o[0], i[0], i[1], i[2], 1e-5) },
			sh(m, n))
		if n == 1 {
			continue
		}
		one("LayerNormGrad", func(e engine.Engine, i, o tensors) error {
			return e.LayerNormGrad(o[0], o[1], o[2], i[0], i[1], i[3], 1e-5)
		}, sh(m, n), sh(n), sh(n))
		b.layerNormGradAdd(in, m, n)
		one("LayerNormGrad of x", func(e engine.Engine, i, o tensors) error {
			return e.LayerNormGrad(o[0], nil, nil, i[0], i[1], i[3], 1e-5)
		}, sh(m, n))
		one("LayerNormGrad of parameters", func(e engine.Engine, i, o tensors) error {
			return e.LayerNormGrad(nil, o[0], o[1], i[0], i[1], i[3], 1e-5)
		}, sh(n), sh(n))
	}
}

// layerNormGradAdd checks the gradient with a sum in the same pass, in engines
// that have it, in place too.
func (b *bench) layerNormGradAdd(in []array, m, n int) {
	b.Helper()
	if _, ok := b.e.(engine.LayerNormAdder); !ok {
		return
	}
	all := append(slices.Clone(in), b.normal(m, n))
	for _, inPlace := range []bool{false, true} {
		b.same(fmt.Sprint("LayerNormGradAdd in place ", inPlace, m, n), all, func(e engine.Engine, i, o tensors) error {
			a, ok := e.(engine.LayerNormAdder)
			switch {
			case !ok:
				return errors.Join(e.LayerNormGrad(o[0], nil, nil, i[0], i[1], i[3], 1e-5), e.Sum(o[0], o[0], i[4]))
			case inPlace:
				return errors.Join(e.Axpby(o[0], 1, i[4], 0, nil), a.LayerNormGradAdd(o[0], i[0], i[1], i[3], o[0],
					1e-5))
			}
			return a.LayerNormGradAdd(o[0], i[0], i[1], i[3], i[4], 1e-5)
		}, sh(m, n))
	}
}

// norm checks the divisions by rows' norms.
func (b *bench) norm() {
	b.expect(norms)
	for _, s := range rowShapes {
		m, n := s[0], s[1]
		in := b.normInputs(m, n)
		one := func(what string, k kernel) {
			b.Helper()
			b.same(fmt.Sprint(what, " ", s), in, k, sh(m, n))
		}
		one("L2Normalize", func(e engine.Engine, i, o tensors) error { return e.L2Normalize(o[0], i[0]) })
		one("L2NormalizeGrad", func(e engine.Engine, i, o tensors) error { return e.L2NormalizeGrad(o[0], i[0], i[3]) })
		one("DivNorm", func(e engine.Engine, i, o tensors) error { return e.DivNorm(o[0], i[0], 0.5) })
		one("DivNormGrad", func(e engine.Engine, i, o tensors) error { return e.DivNormGrad(o[0], i[0], i[3], 0.5) })
	}
}
