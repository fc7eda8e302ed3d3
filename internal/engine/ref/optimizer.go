package ref

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// SGD is PyTorch's SGD with momentum.
func (e *Engine) SGD(p, v, g *tensor.Dense, lr, momentum, weightDecay float32) error {
	if err := alike(p, v, g); err != nil {
		return err
	}
	for i, w := range f32(p) {
		d := f32(g)[i] + weightDecay*w
		f32(v)[i] = momentum*f32(v)[i] + d
		f32(p)[i] = w - lr*f32(v)[i]
	}
	return nil
}

// AdamW is PyTorch's AdamW.
func (e *Engine) AdamW(p, m, v, g *tensor.Dense, h engine.AdamW, step int) error {
	if err := alike(p, m, v, g); err != nil {
		return err
	}
	if step < 1 {
		return fmt.Errorf("AdamW: step %d, the first is 1", step)
	}
	c1 := 1 - math.Pow(float64(h.Beta1), float64(step))
	c2 := 1 - math.Pow(float64(h.Beta2), float64(step))
	for i, d := range f32(g) {
		mi := float64(h.Beta1)*float64(f32(m)[i]) + (1-float64(h.Beta1))*float64(d)
		vi := float64(h.Beta2)*float64(f32(v)[i]) + (1-float64(h.Beta2))*float64(d)*float64(d)
		f32(m)[i], f32(v)[i] = float32(mi), float32(vi)
		w := float64(f32(p)[i]) * (1 - float64(h.LR)*float64(h.WeightDecay))
		f32(p)[i] = float32(w - float64(h.LR)/c1*mi/(math.Sqrt(vi/c2)+float64(h.Eps)))
	}
	return nil
}
