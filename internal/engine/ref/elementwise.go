package ref

import (
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

func each(out *tensor.Dense, f func(i int) float64) error {
	o := f32(out)
	for i := range o {
		o[i] = float32(f(i))
	}
	return nil
}

// Act writes act(x).
func (e *Engine) Act(out, x *tensor.Dense, a engine.Act) error {
	return each(out, func(i int) float64 { return act(float64(f32(x)[i]), a) })
}

// ActGrad writes dy * act'(x).
func (e *Engine) ActGrad(dx, x, dy *tensor.Dense, a engine.Act) error {
	return each(dx, func(i int) float64 { return float64(f32(dy)[i]) * actGrad(float64(f32(x)[i]), a) })
}

// Sum writes the sum of the terms.
func (e *Engine) Sum(out *tensor.Dense, terms ...*tensor.Dense) error {
	return each(out, func(i int) float64 {
		var s float64
		for _, t := range terms {
			s += float64(f32(t)[i])
		}
		return s
	})
}

// Axpby writes a*x + b*y.
func (e *Engine) Axpby(out *tensor.Dense, a float32, x *tensor.Dense, b float32, y *tensor.Dense) error {
	return each(out, func(i int) float64 {
		s := float64(a) * float64(f32(x)[i])
		if y != nil {
			s += float64(b) * float64(f32(y)[i])
		}
		return s
	})
}

// ExpAffine writes exp(a*x + b).
func (e *Engine) ExpAffine(out, x *tensor.Dense, a, b float32) error {
	return each(out, func(i int) float64 { return math.Exp(float64(a)*float64(f32(x)[i]) + float64(b)) })
}

// Mul writes a*x*y.
func (e *Engine) Mul(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	return each(out, func(i int) float64 { return float64(a) * float64(f32(x)[i]) * float64(f32(y)[i]) })
}

// ScaleExp writes x * exp(s).
func (e *Engine) ScaleExp(out, x, s *tensor.Dense) error {
	f := math.Exp(float64(f32(s)[0]))
	return each(out, func(i int) float64 { return float64(f32(x)[i]) * f })
}

// Dot writes a * sum(x*y).
func (e *Engine) Dot(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	var s float64
	for i, v := range f32(x) {
		s += float64(v) * float64(f32(y)[i])
	}
	f32(out)[0] = float32(float64(a) * s)
	return nil
}

// Scale writes x * a * s.
func (e *Engine) Scale(out, x *tensor.Dense, a float32, s *tensor.Dense) error {
	f := float64(a) * float64(f32(s)[0])
	return each(out, func(i int) float64 { return float64(f32(x)[i]) * f })
}

// Fill sets every element to v.
func (e *Engine) Fill(out *tensor.Dense, v float32) error {
	return each(out, func(int) float64 { return float64(v) })
}

// SGD is PyTorch's SGD with momentum.
func (e *Engine) SGD(p, v, g *tensor.Dense, lr, momentum, weightDecay float32) error {
	for i, w := range f32(p) {
		d := f32(g)[i] + weightDecay*w
		f32(v)[i] = momentum*f32(v)[i] + d
		f32(p)[i] = w - lr*f32(v)[i]
	}
	return nil
}

// AdamW is PyTorch's AdamW.
func (e *Engine) AdamW(p, m, v, g *tensor.Dense, h engine.AdamW, step int) error {
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
