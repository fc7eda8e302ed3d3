package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// lengths are those of vectors: short ones, whole and broken blocks, and one that
// is split between threads.
func (b *bench) lengths() []int {
	if b.large {
		return []int{1, 7, 64, 1025, 5003, 100003}
	}
	return []int{1, 7, 64, 1025, 5003}
}

// activations checks the activations and their gradients.
func (b *bench) activations() {
	for _, n := range b.lengths() {
		in := []array{b.normal(n), b.normal(n)}
		for act := engine.Identity; act <= engine.ReLU; act++ {
			b.same(fmt.Sprint("Act ", act, " of ", n), in, func(e engine.Engine, i, o tensors) error {
				return e.Act(o[0], i[0], act)
			}, sh(n))
			b.same(fmt.Sprint("ActGrad ", act, " of ", n), in, func(e engine.Engine, i, o tensors) error {
				return e.ActGrad(o[0], i[0], i[1], act)
			}, sh(n))
		}
	}
}

// elementwise checks the other kernels that treat every element alike.
func (b *bench) elementwise() {
	type T = *tensor.Dense
	for _, n := range b.lengths() {
		in := []array{b.normal(n), b.normal(n), b.normal(n), b.normal(1)}
		one := func(what string, f func(e engine.Engine, o, x, y, z, s T) error, shape ...int) {
			b.Helper()
			b.same(fmt.Sprint(what, " of ", n), in, func(e engine.Engine, in, out tensors) error {
				return f(e, out[0], in[0], in[1], in[2], in[3])
			}, shape)
		}
		for terms := range 10 {
			one(fmt.Sprint("Sum of ", terms), func(e engine.Engine, o, x, y, z, s T) error {
				return e.Sum(o, tensors{x, y, z, x, x, y, z, y, x}[:terms]...)
			}, n)
			for at := 0; at <= terms; at += 1 + terms/2 { // the result is the first term, one between, the last
				one(fmt.Sprint("Sum in place at ", at, " of ", terms+1), func(e engine.Engine, o, x, y, z, s T) error {
					if err := e.Axpby(o, 1, z, 0, nil); err != nil {
						return err
					}
					list := tensors{x, y, x, z, y, x, y, x, z}
					return e.Sum(o, append(append(append(tensors{}, list[:at]...), o), list[at:terms]...)...)
				}, n)
			}
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
