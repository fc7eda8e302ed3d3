package cpu

import (
	"fmt"
	"math"

	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// Sum adds tensors:
//
//	for i: out[i] = terms[0][i] + terms[1][i] + ...
func (e *Engine) Sum(out *tensor.Dense, terms ...*tensor.Dense) error {
	n := len(f32(out))
	src := make([][]float32, len(terms))
	for k, t := range terms {
		if err := want(fmt.Sprintf("term %d", k), t, n); err != nil {
			return err
		}
		src[k] = f32(t)
	}
	dst := f32(out)
	switch len(src) {
	case 0:
		clear(dst)
		return nil
	case 1:
		copy(dst, src[0])
		return nil
	}
	// out may be one of the terms: stay within a piece small enough to keep.
	const most = 1024
	e.elements(n, func(lo, hi int) {
		var acc [most]float32
		for i := lo; i < hi; i += most {
			end := min(i+most, hi)
			a := acc[:end-i]
			vec.Combine(a, 1, src[0][i:end], 1, src[1][i:end], 0)
			for _, s := range src[2:] {
				vec.Axpy(1, s[i:end], a)
			}
			copy(dst[i:end], a)
		}
	})
	return nil
}

// Axpby adds two scaled tensors; y may be nil:
//
//	for i: out[i] = a*x[i] + b*y[i]
func (e *Engine) Axpby(out *tensor.Dense, a float32, x *tensor.Dense, b float32, y *tensor.Dense) error {
	if y == nil {
		return e.scaled(out, x, a)
	}
	n := len(f32(out))
	if err := wantAll(sized{"first term", x, n}, sized{"second term", y, n}); err != nil {
		return err
	}
	dst, s, t := f32(out), f32(x), f32(y)
	e.elements(n, func(lo, hi int) { vec.Combine(dst[lo:hi], a, s[lo:hi], b, t[lo:hi], 0) })
	return nil
}

// scaled writes a*x to out.
func (e *Engine) scaled(out, x *tensor.Dense, a float32) error {
	n := len(f32(out))
	if err := want("operand", x, n); err != nil {
		return err
	}
	dst, s := f32(out), f32(x)
	e.elements(n, func(lo, hi int) {
		for i, v := range s[lo:hi] {
			dst[lo+i] = a * v
		}
	})
	return nil
}

// ExpAffine exponentiates:
//
//	for i: out[i] = exp(a*x[i] + b)
func (e *Engine) ExpAffine(out, x *tensor.Dense, a, b float32) error {
	n := len(f32(out))
	if err := want("operand", x, n); err != nil {
		return err
	}
	dst, s := f32(out), f32(x)
	e.elements(n, func(lo, hi int) { vec.Exp(dst[lo:hi], s[lo:hi], a, -b) })
	return nil
}

// Mul multiplies element by element:
//
//	for i: out[i] = a * x[i] * y[i]
func (e *Engine) Mul(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	n := len(f32(out))
	if err := wantAll(sized{"first factor", x, n}, sized{"second factor", y, n}); err != nil {
		return err
	}
	dst, s, t := f32(out), f32(x), f32(y)
	e.elements(n, func(lo, hi int) { vec.Mul(dst[lo:hi], a, s[lo:hi], t[lo:hi]) })
	return nil
}

// ScaleExp scales by the exponential of a scalar tensor:
//
//	for i: out[i] = x[i] * exp(s)
func (e *Engine) ScaleExp(out, x, s *tensor.Dense) error {
	if err := want("scale", s, 1); err != nil {
		return err
	}
	return e.scaled(out, x, float32(math.Exp(float64(f32(s)[0]))))
}

// Scale scales by a number and a scalar tensor:
//
//	for i: out[i] = x[i] * a * s
func (e *Engine) Scale(out, x *tensor.Dense, a float32, s *tensor.Dense) error {
	if err := want("scale", s, 1); err != nil {
		return err
	}
	return e.scaled(out, x, a*f32(s)[0])
}

// dotChunk is the number of products summed in float32 before float64 goes on.
const dotChunk = 1024

// Dot sums products:
//
//	out[0] = a * sum over i of x[i]*y[i]
func (e *Engine) Dot(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	n := len(f32(x))
	if err := wantAll(sized{"result", out, 1}, sized{"second factor", y, n}); err != nil {
		return err
	}
	s, t := f32(x), f32(y)
	chunks := (n + dotChunk - 1) / dotChunk
	part := make([]float64, chunks)
	e.each(chunks, 32, func(lo, hi int) {
		for c := lo; c < hi; c++ {
			i, end := c*dotChunk, min((c+1)*dotChunk, n)
			part[c] = float64(vec.Dot(s[i:end], t[i:end]))
		}
	})
	f32(out)[0] = float32(float64(a) * total(part))
	return nil
}

// Fill sets every element:
//
//	for i: out[i] = v
func (e *Engine) Fill(out *tensor.Dense, v float32) error {
	dst := f32(out)
	e.elements(len(dst), func(lo, hi int) {
		for i := range dst[lo:hi] {
			dst[lo+i] = v
		}
	})
	return nil
}

// total sums in order.
func total(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s
}
