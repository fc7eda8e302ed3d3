package cpu

import (
	"math"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// quickSlope is the slope of QuickGELU's sigmoid, as in OpenAI's CLIP.
const quickSlope = 1.702

// activate stores dst[i] = act(x[i]). ReLU works on the sign bit: a branch on
// random signs costs more than all the rest.
func activate(dst, x []float32, act engine.Act) {
	switch act {
	case engine.QuickGELU:
		vec.SigmoidMul(dst, x, quickSlope)
	case engine.GELU:
		vec.GELU(dst, x)
	case engine.ReLU:
		for i, v := range x {
			b := math.Float32bits(v)
			if v == v { // NaN stays
				b &^= uint32(int32(b) >> 31)
			}
			dst[i] = math.Float32frombits(b)
		}
	default:
		copy(dst, x)
	}
}

// Act applies an activation:
//
//	for i: out[i] = act(x[i])
func (e *Engine) Act(out, x *tensor.Dense, act engine.Act) error {
	n := elements(x)
	if err := first(act.Check(), activations(sized{"values", x, n}, sized{"result", out, n})); err != nil {
		return err
	}
	if from, to, f := b16(x), b16(out), bgemm.ActOf(act); from != nil && to != nil && f != nil {
		e.elements(n, func(lo, hi int) { f(to[lo:hi], from[lo:hi]) })
		return nil
	}
	e.pieces(out, []*tensor.Dense{x}, func(dst []float32, src [][]float32) { activate(dst, src[0], act) })
	return nil
}

// ActGrad applies the derivative of an activation; that of ReLU is 0 at 0:
//
//	for i: dx[i] = dy[i] * act'(x[i])
func (e *Engine) ActGrad(dx, x, dy *tensor.Dense, act engine.Act) error {
	n := elements(x)
	if err := first(act.Check(), activations(sized{"values", x, n}, sized{"result", dx, n},
		sized{"gradient", dy, n})); err != nil {
		return err
	}
	to, from, d, f := b16(dx), b16(x), f32(dy), bgemm.ActGradOf(act)
	if to != nil && from != nil && d != nil && f != nil {
		e.elements(n, func(lo, hi int) { f(to[lo:hi], from[lo:hi], d[lo:hi]) })
		return nil
	}
	e.pieces(dx, []*tensor.Dense{x, dy}, func(dst []float32, in [][]float32) { activateGrad(dst, in[0], in[1], act) })
	return nil
}

// activateGrad stores dst[i] = d[i] * act'(x[i]).
func activateGrad(dst, x, d []float32, act engine.Act) {
	switch act {
	case engine.QuickGELU:
		vec.SigmoidMulGrad(dst, x, d, quickSlope)
	case engine.GELU:
		vec.GELUGrad(dst, x, d)
	case engine.ReLU:
		for i, v := range x {
			b := int32(math.Float32bits(v))
			positive := uint32(-b>>31) &^ uint32(b>>31)
			dst[i] = math.Float32frombits(math.Float32bits(d[i]) & positive)
		}
	default:
		copy(dst, d)
	}
}
