package cuda

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// SGD takes one step of PyTorch's SGD.
func (e *Engine) SGD(p, v, g *tensor.Dense, lr, momentum, weightDecay float32) error {
	n := size(p)
	if err := want(sized{"parameter", p, n}, sized{"momentum", v, n}, sized{"gradient", g, n}); err != nil {
		return err
	}
	return e.each("sgd", int64(n), p, v, g, int64(n), lr, momentum, weightDecay)
}

// AdamW takes one step of PyTorch's AdamW, with step counted from 1.
func (e *Engine) AdamW(p, m, v, g *tensor.Dense, h engine.AdamW, step int) error {
	n := size(p)
	if step < 1 {
		return fmt.Errorf("AdamW: step %d, the first is 1", step)
	}
	if err := want(sized{"parameter", p, n}, sized{"first moment", m, n}, sized{"second moment", v, n},
		sized{"gradient", g, n}); err != nil {
		return err
	}
	b1, b2, lr := float64(h.Beta1), float64(h.Beta2), float64(h.LR)
	return e.each("adamw", int64(n), p, m, v, g, int64(n), h.Beta1, float32(1-b1), h.Beta2, float32(1-b2),
		float32(1-lr*float64(h.WeightDecay)), float32(lr/(1-math.Pow(b1, float64(step)))),
		float32(1/math.Sqrt(1-math.Pow(b2, float64(step)))), h.Eps)
}
