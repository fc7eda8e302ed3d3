package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

const tiedClasses = 70

// tied are three rows of logits of which many are equal; the first is flat.
func tied() array {
	x := floats(make([]float32, 3*tiedClasses), 3, tiedClasses)
	for j := range tiedClasses {
		x.floats[tiedClasses+j], x.floats[2*tiedClasses+j] = float32(j%3), float32(-j%5)
	}
	return x
}

// ranges checks what maps logits to the range of others and punishes those
// beyond it. The first of equal extremes takes the gradient.
func (b *bench) ranges() {
	b.expect(losses)
	for _, s := range logitShapes {
		n, k := s[0], s[1]
		zeroShot := b.normal(n, k)
		ordered := floats(b.run(b.ref, "RowRange", []array{zeroShot}, func(e engine.Engine, i, o tensors) error {
			return e.RowRange(o[0], i[0])
		}, false, [][]int{sh(n, 2)})[0], n, 2)
		for at, zs := range []array{ordered, b.normal(n, 2)} {
			in := []array{b.logits(n, k), zeroShot, zs}
			one := func(what string, kern kernel, shapes ...[]int) {
				b.Helper()
				b.same(fmt.Sprint(what, " ", s), in, kern, shapes...)
			}
			one("RowRange", func(e engine.Engine, i, o tensors) error { return e.RowRange(o[0], i[1]) }, sh(n, 2))
			one("RangeMap", func(e engine.Engine, i, o tensors) error { return e.RangeMap(o[0], i[0], i[2]) }, sh(n, k))
			one("RangeMapGrad", func(e engine.Engine, i, o tensors) error { return e.RangeMapGrad(o[0], i[0], i[2], i[1]) },
				sh(n, k))
			if at > 0 { // a penalty has a range with its minimum first
				continue
			}
			one("RangePenalty", func(e engine.Engine, i, o tensors) error {
				return e.RangePenalty(o[0], o[1], i[0], i[2], 10)
			}, sh(1), sh(n, k))
			one("RangePenalty without gradient", func(e engine.Engine, i, o tensors) error {
				return e.RangePenalty(o[0], nil, i[0], i[2], 10)
			}, sh(1))
		}
	}
	in := []array{tied(), b.normal(3, 2), b.normal(3, tiedClasses)}
	b.same("RangeMap of ties", in, func(e engine.Engine, i, o tensors) error {
		return e.RangeMap(o[0], i[0], i[1])
	}, sh(3, tiedClasses))
	b.same("RangeMapGrad of ties", in, func(e engine.Engine, i, o tensors) error {
		return e.RangeMapGrad(o[0], i[0], i[1], i[2])
	}, sh(3, tiedClasses))
}
