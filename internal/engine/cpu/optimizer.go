package cpu

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// SGD takes one step of PyTorch's SGD:
//
//	for i:
//	    d = g[i] + weightDecay*p[i]
//	    v[i] = momentum*v[i] + d
//	    p[i] -= lr*v[i]
func (e *Engine) SGD(p, v, g *tensor.Dense, lr, momentum, weightDecay float32) error {
	n := len(f32(p))
	if err := wantAll(sized{"momentum", v, n}, sized{"gradient", g, n}); err != nil {
		return err
	}
	ps, vs, gs := f32(p), f32(v), f32(g)
	e.elements(n, func(lo, hi int) {
		vec.SGD(ps[lo:hi], vs[lo:hi], gs[lo:hi], lr, momentum, weightDecay)
	})
	return nil
}

// AdamW takes one step of PyTorch's AdamW, with step counted from 1:
//
//	for i:
//	    m[i] = beta1*m[i] + (1-beta1)*g[i]
//	    v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
//	    p[i] = p[i]*(1 - lr*weightDecay) - lr/(1-beta1^step) * m[i] / (sqrt(v[i]/(1-beta2^step)) + eps)
func (e *Engine) AdamW(p, m, v, g *tensor.Dense, h engine.AdamW, step int) error {
	n := len(f32(p))
	if step < 1 {
		return fmt.Errorf("AdamW: step %d, the first is 1", step)
	}
	if err := wantAll(sized{"first moment", m, n}, sized{"second moment", v, n}, sized{"gradient", g, n}); err != nil {
		return err
	}
	b1, b2 := float64(h.Beta1), float64(h.Beta2)
	consts := vec.Adam{
		Beta1: h.Beta1, Rest1: float32(1 - b1),
		Beta2: h.Beta2, Rest2: float32(1 - b2),
		Keep: float32(1 - float64(h.LR)*float64(h.WeightDecay)),
		Rate: float32(float64(h.LR) / (1 - math.Pow(b1, float64(step)))),
		Root: float32(1 / math.Sqrt(1-math.Pow(b2, float64(step)))),
		Eps:  h.Eps,
	}
	ps, ms, vs, gs := f32(p), f32(m), f32(v), f32(g)
	e.elements(n, func(lo, hi int) {
		vec.AdamW(ps[lo:hi], ms[lo:hi], vs[lo:hi], gs[lo:hi], &consts)
	})
	return nil
}
