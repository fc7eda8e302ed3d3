package cpu

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"

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
		p, v := ps[lo:hi], vs[lo:hi]
		for i, d := range gs[lo:hi] {
			d += weightDecay * p[i]
			v[i] = momentum*v[i] + d
			p[i] -= lr * v[i]
		}
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
	rate := float32(float64(h.LR) / (1 - math.Pow(b1, float64(step))))
	root := float32(1 / math.Sqrt(1-math.Pow(b2, float64(step))))
	keep := float32(1 - float64(h.LR)*float64(h.WeightDecay))
	w1, w2 := float32(1-b1), float32(1-b2)
	ps, ms, vs, gs := f32(p), f32(m), f32(v), f32(g)
	e.elements(n, func(lo, hi int) {
		p, m, v := ps[lo:hi], ms[lo:hi], vs[lo:hi]
		for i, d := range gs[lo:hi] {
			m[i] = h.Beta1*m[i] + w1*d
			v[i] = h.Beta2*v[i] + w2*d*d
			p[i] = p[i]*keep - rate*m[i]/(float32(math.Sqrt(float64(v[i])))*root+h.Eps)
		}
	})
	return nil
}
