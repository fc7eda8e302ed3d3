package ref

import (
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Act writes act(x).
func (e *Engine) Act(out, x *tensor.Dense, a engine.Act) error {
	if err := first(a.Check(), alike(out, x)); err != nil {
		return err
	}
	return each(out, func(i int) float64 { return act(float64(f32(x)[i]), a) })
}

// ActGrad writes dy * act'(x).
func (e *Engine) ActGrad(dx, x, dy *tensor.Dense, a engine.Act) error {
	if err := first(a.Check(), alike(dx, x, dy)); err != nil {
		return err
	}
	return each(dx, func(i int) float64 { return float64(f32(dy)[i]) * actGrad(float64(f32(x)[i]), a) })
}

func act(x float64, a engine.Act) float64 {
	switch a {
	case engine.QuickGELU:
		return x / (1 + math.Exp(-1.702*x))
	case engine.GELU:
		return x * 0.5 * (1 + math.Erf(x/math.Sqrt2))
	case engine.ReLU:
		return math.Max(x, 0)
	}
	return x
}

func actGrad(x float64, a engine.Act) float64 {
	switch a {
	case engine.QuickGELU:
		s := 1 / (1 + math.Exp(-1.702*x))
		return s + x*1.702*s*(1-s)
	case engine.GELU:
		return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	case engine.ReLU:
		if x > 0 {
			return 1
		}
		return 0
	}
	return 1
}
