package cuda

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// Sum adds the terms, four in one pass over memory.
func (e *Engine) Sum(out *tensor.Dense, terms ...*tensor.Dense) error {
	n := size(out)
	if err := want(sized{"result", out, n}); err != nil {
		return err
	}
	rest := make([]Ptr, 0, len(terms))
	for i, t := range terms {
		if err := want(sized{fmt.Sprintf("term %d", i), t, n}); err != nil {
			return err
		}
		rest = append(rest, address(t))
		if address(t) == address(out) { // it must be read before it is overwritten
			rest[0], rest[i] = rest[i], rest[0]
		}
	}
	if len(rest) == 0 {
		return e.d.Fill(address(out), 0, int64(n))
	}
	sum := rest[0]
	for rest = rest[1:]; ; rest = rest[min(3, len(rest)):] {
		var next [3]Ptr
		copy(next[:], rest)
		if err := e.each("sum_terms", int64(n), out, sum, next[0], next[1], next[2], int64(n)); err != nil {
			return err
		}
		if sum = address(out); len(rest) <= 3 {
			return nil
		}
	}
}

// Axpby writes a*x + b*y to out; y may be nil.
func (e *Engine) Axpby(out *tensor.Dense, a float32, x *tensor.Dense, b float32, y *tensor.Dense) error {
	n := size(out)
	if err := first(want(sized{"result", out, n}, sized{"first term", x, n}), wantIf("second term", y, n)); err != nil {
		return err
	}
	return e.each("axpby", int64(n), out, x, y, int64(n), a, b)
}

// ExpAffine writes exp(a*x + b) to out.
func (e *Engine) ExpAffine(out, x *tensor.Dense, a, b float32) error {
	n := size(out)
	if err := want(sized{"result", out, n}, sized{"operand", x, n}); err != nil {
		return err
	}
	return e.each("exp_affine", int64(n), out, x, int64(n), a, b)
}

// Mul writes a*x*y to out.
func (e *Engine) Mul(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	n := size(out)
	if err := want(sized{"result", out, n}, sized{"first factor", x, n}, sized{"second factor", y, n}); err != nil {
		return err
	}
	return e.each("multiply", int64(n), out, x, y, int64(n), a)
}

// ScaleExp writes x * exp(s) to out.
func (e *Engine) ScaleExp(out, x, s *tensor.Dense) error {
	n := size(out)
	if err := want(sized{"result", out, n}, sized{"operand", x, n}, sized{"scale", s, 1}); err != nil {
		return err
	}
	return e.each("scale_exp", int64(n), out, x, s, int64(n))
}

// Scale writes x * a * s to out.
func (e *Engine) Scale(out, x *tensor.Dense, a float32, s *tensor.Dense) error {
	n := size(out)
	if err := want(sized{"result", out, n}, sized{"operand", x, n}, sized{"scale", s, 1}); err != nil {
		return err
	}
	return e.each("scale", int64(n), out, x, s, int64(n), a)
}

// Fill sets every element to v.
func (e *Engine) Fill(out *tensor.Dense, v float32) error {
	n := size(out)
	if err := want(sized{"result", out, n}); err != nil {
		return err
	}
	return e.d.Fill(address(out), math.Float32bits(v), int64(n))
}

// Dot writes a * sum(x*y) to out.
func (e *Engine) Dot(out *tensor.Dense, a float32, x, y *tensor.Dense) error {
	n := size(x)
	if err := want(sized{"result", out, 1}, sized{"first factor", x, n}, sized{"second factor", y, n}); err != nil {
		return err
	}
	return e.summed(out, int64(n), float64(a), func(part Ptr) error {
		return e.each("dot_part", int64(n), part, x, y, int64(n))
	})
}

// summed runs a kernel over n elements that writes a partial sum a block, and
// writes scale times their sum to out.
func (e *Engine) summed(out *tensor.Dense, n int64, scale float64, kernel func(part Ptr) error) error {
	b := int(blocks(n))
	part, release, err := e.scratch(8 * int64(b))
	if err != nil {
		return err
	}
	defer release()
	return first(kernel(part), e.total(out, part, b, scale))
}
