package cpu

import (
	"math"

	"clipcalib/internal/engine"
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
	if isFloat16(out, x) {
		return e.inFloat32(out, []*tensor.Dense{x}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.Act(out, in[0], act)
		})
	}
	n := len(f32(x))
	if err := first(act.Check(), want("result", out, n)); err != nil {
		return err
	}
	dst, src := f32(out), f32(x)
	e.elements(n, func(lo, hi int) { activate(dst[lo:hi], src[lo:hi], act) })
	return nil
}

// ActGrad applies the derivative of an activation; that of ReLU is 0 at 0:
//
//	for i: dx[i] = dy[i] * act'(x[i])
func (e *Engine) ActGrad(dx, x, dy *tensor.Dense, act engine.Act) error {
	if isFloat16(dx, x) {
		return e.inFloat32(dx, []*tensor.Dense{x}, func(dx *tensor.Dense, in []*tensor.Dense) error {
			return e.ActGrad(dx, in[0], dy, act)
		})
	}
	n := len(f32(x))
	if err := first(act.Check(), wantAll(sized{"result", dx, n}, sized{"gradient", dy, n})); err != nil {
		return err
	}
	dst, src, d := f32(dx), f32(x), f32(dy)
	e.elements(n, func(lo, hi int) {
		dst, src, d := dst[lo:hi], src[lo:hi], d[lo:hi]
		switch act {
		case engine.QuickGELU:
			vec.SigmoidMulGrad(dst, src, d, quickSlope)
		case engine.GELU:
			vec.GELUGrad(dst, src, d)
		case engine.ReLU:
			for i, v := range src {
				b := int32(math.Float32bits(v))
				positive := uint32(-b>>31) &^ uint32(b>>31)
				dst[i] = math.Float32frombits(math.Float32bits(d[i]) & positive)
			}
		default:
			copy(dst, d)
		}
	})
	return nil
}
