package ref

import (
	"math"

	"gorgonia.org/tensor"
)

func each(out *tensor.Dense, f func(i int) float64) error {
	o := f32(out)
	for i := range o {
		o[i] = float32(f(i))
	}
	return nil
}

// Sum writes the sum of the terms.
func (e *Engine) Sum(out *tensor.Dense, terms ...*tensor.Dense) error {
	if err := alike(append([]*tensor.Dense{out}, terms...)...); err != nil {
		return err
	}
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
	if err := first(alike(out, x), wantIf(sized{"second term", y, size(out)})); err != nil {
		return err
	}
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
	if err := alike(out, x); err != nil {
		return err
	}
	return each(out, func(i int) float64 { return math.Exp(float64(a)*float64(f32(x)[i]) + float64(b)) })
}

// Mul writes a*x*y.
func (e *Engine) Mul(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	if err := alike(out, x, y); err != nil {
		return err
	}
	return each(out, func(i int) float64 { return float64(a) * float64(f32(x)[i]) * float64(f32(y)[i]) })
}

// ScaleExp writes x * exp(s).
func (e *Engine) ScaleExp(out, x, s *tensor.Dense) error {
	if err := first(alike(out, x), want(sized{"scale", s, 1})); err != nil {
		return err
	}
	f := math.Exp(float64(f32(s)[0]))
	return each(out, func(i int) float64 { return float64(f32(x)[i]) * f })
}

// Dot writes a * sum(x*y).
func (e *Engine) Dot(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	if err := first(alike(x, y), want(sized{"sum", out, 1})); err != nil {
		return err
	}
	var s float64
	for i, v := range f32(x) {
		s += float64(v) * float64(f32(y)[i])
	}
	f32(out)[0] = float32(float64(a) * s)
	return nil
}

// Scale writes x * a * s.
func (e *Engine) Scale(out, x *tensor.Dense, a float32, s *tensor.Dense) error {
	if err := first(alike(out, x), want(sized{"scale", s, 1})); err != nil {
		return err
	}
	f := float64(a) * float64(f32(s)[0])
	return each(out, func(i int) float64 { return float64(f32(x)[i]) * f })
}

// Fill sets every element to v.
func (e *Engine) Fill(out *tensor.Dense, v float32) error {
	return each(out, func(int) float64 { return float64(v) })
}
