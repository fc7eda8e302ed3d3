package enginetest

import (
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// optimizer checks three steps of each rule.
func (b *bench) optimizer() {
	const n = 1003
	in := []array{b.normal(n), b.normal(n)}
	b.same("SGD", in, steps(func(e engine.Engine, g *tensor.Dense, o tensors, _ int) error {
		return e.SGD(o[0], o[1], g, 0.1, 0.9, 0.01)
	}), sh(n), sh(n))
	b.same("AdamW", in, steps(adamW), sh(n), sh(n), sh(n))
}

func adamW(e engine.Engine, g *tensor.Dense, o tensors, step int) error {
	return e.AdamW(o[0], o[1], o[2], g, engine.AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1},
		step)
}

// steps takes three steps from the first input by the gradient in the second;
// the first result is the parameter, the others its state.
func steps(step func(e engine.Engine, g *tensor.Dense, o tensors, step int) error) kernel {
	return func(e engine.Engine, i, o tensors) error {
		err := e.Axpby(o[0], 1, i[0], 0, nil)
		for _, t := range o[1:] {
			if err == nil {
				err = e.Fill(t, 0)
			}
		}
		for s := 1; s < 4 && err == nil; s++ {
			err = step(e, i[1], o, s)
		}
		return err
	}
}
