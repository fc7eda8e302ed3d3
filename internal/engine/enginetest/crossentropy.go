package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// logitShapes are samples and classes.
var logitShapes = [][2]int{{1, 1}, {1, 2}, {9, 5}, {33, 100}, {130, 17}, {300, 17}}

// logits have the spread of scaled cosines.
func (b *bench) logits(n, k int) array {
	x := b.normal(n, k)
	for i := range x.floats {
		x.floats[i] *= 4
	}
	return x
}

// crossEntropy checks the loss in all its forms, with and without the gradient.
func (b *bench) crossEntropy() {
	b.expect(losses)
	forms := []engine.CrossEntropy{{}, {Smoothing: 0.1}, {Confidence: 0.2}, {FocalGamma: 3},
		{FocalGamma: 2, Smoothing: 0.05}, {MarginAlpha: 0.1, Margin: 1}}
	for _, s := range logitShapes {
		n, k := s[0], s[1]
		for _, x := range []array{b.normal(n, k), b.logits(n, k)} {
			in := []array{x, b.indices(n, 0, k)}
			for _, f := range forms {
				b.same(fmt.Sprintf("CrossEntropy %+v %v", f, s), in, func(e engine.Engine, i, o tensors) error {
					return e.CrossEntropy(o[0], o[1], i[0], i[1], f)
				}, sh(1), sh(n, k))
				b.same(fmt.Sprintf("CrossEntropy %+v %v without gradient", f, s), in, func(e engine.Engine, i,
					o tensors) error {
					return e.CrossEntropy(o[0], nil, i[0], i[1], f)
				}, sh(1))
			}
		}
	}
	in := []array{tied(), b.indices(3, 0, tiedClasses)}
	b.same("margin with ties", in, func(e engine.Engine, i, o tensors) error {
		return e.CrossEntropy(o[0], o[1], i[0], i[1], engine.CrossEntropy{MarginAlpha: 1, Margin: 0.5})
	}, sh(1), sh(3, tiedClasses))
}
