package cpu

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// quickSlope is the slope of QuickGELU's sigmoid, as in OpenAI's CLIP.
const quickSlope = 1.702

// activate stores dst[i] = act(x[i]).
func activate(dst, x []float32, act engine.Act) {
	switch act {
	case engine.QuickGELU:
		vec.SigmoidMul(dst, x, quickSlope)
	case engine.GELU:
		vec.GELU(dst, x)
	case engine.ReLU:
		for i, v := range x {
			dst[i] = max(v, 0)
		}
	default:
		copy(dst, x)
	}
}

// Act applies an activation:
//
//	for i: out[i] = act(x[i])
func (e *Engine) Act(out, x *tensor.Dense, act engine.Act) error {
	n := len(f32(x))
	if err := want("result", out, n); err != nil {
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
	n := len(f32(x))
	if err := wantAll(sized{"result", dx, n}, sized{"gradient", dy, n}); err != nil {
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
				g := d[i]
				if !(v > 0) {
					g = 0
				}
				dst[i] = g
			}
		default:
			copy(dst, d)
		}
	})
	return nil
}
