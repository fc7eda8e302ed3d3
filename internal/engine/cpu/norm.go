package cpu

import (
	"math"

	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// divNormEps is LogitNorm's guard against a zero norm, as in the code of Wei
// et al., "Mitigating Neural Network Overconfidence with Logit Normalization"
// (2022).
const divNormEps = 1e-7

// L2Normalize divides rows by their Euclidean norm; a zero row stays zero:
//
//	for i: out[i] = x[i] / |x[i]|
func (e *Engine) L2Normalize(out, x *tensor.Dense) error { return e.divNorm(out, x, 1, 0) }

// DivNorm divides rows by tau times their guarded norm:
//
//	for i: out[i] = x[i] / (tau * (|x[i]| + 1e-7))
func (e *Engine) DivNorm(out, x *tensor.Dense, tau float32) error {
	return e.divNorm(out, x, float64(tau), divNormEps)
}

func (e *Engine) divNorm(out, x *tensor.Dense, tau, eps float64) error {
	m, n := dims(x)
	if err := wantAll(sized{"rows", x, m * n}, sized{"result", out, m * n}); err != nil {
		return err
	}
	src, res := f32(x), f32(out)
	e.rows(m, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, dst := src[i*n:i*n+n], res[i*n:i*n+n]
			r := norm(row)
			if r == 0 {
				clear(dst)
				continue
			}
			s := float32(1 / (tau * (r + eps)))
			for j, v := range row {
				dst[j] = v * s
			}
		}
	})
	return nil
}

// norm returns the Euclidean norm of a row. Rows whose squares leave the range
// of float32 are summed in float64.
func norm(row []float32) float64 {
	q := float64(vec.Dot(row, row))
	if q > 1e30 || q < 1e-30 {
		q = 0
		for _, v := range row {
			q += float64(v) * float64(v)
		}
	}
	return math.Sqrt(q)
}

// L2NormalizeGrad differentiates L2Normalize:
//
//	for i: dx[i] = dy[i]/r - x[i] * (x[i].dy[i]) / r^3, r = |x[i]|
func (e *Engine) L2NormalizeGrad(dx, x, dy *tensor.Dense) error {
	return e.divNormGrad(dx, x, dy, 1, 0)
}

// DivNormGrad differentiates DivNorm:
//
//	for i: dx[i] = dy[i]/(tau*(r+eps)) - x[i] * (x[i].dy[i]) / (tau*r*(r+eps)^2), r = |x[i]|
func (e *Engine) DivNormGrad(dx, x, dy *tensor.Dense, tau float32) error {
	return e.divNormGrad(dx, x, dy, float64(tau), divNormEps)
}

func (e *Engine) divNormGrad(dx, x, dy *tensor.Dense, tau, eps float64) error {
	m, n := dims(x)
	if err := wantAll(sized{"rows", x, m * n}, sized{"gradient", dy, m * n}, sized{"result", dx, m * n}); err != nil {
		return err
	}
	src, grad, res := f32(x), f32(dy), f32(dx)
	e.rows(m, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, d, dst := src[i*n:i*n+n], grad[i*n:i*n+n], res[i*n:i*n+n]
			r := norm(row)
			if r == 0 {
				clear(dst)
				continue
			}
			a := 1 / (tau * (r + eps))
			var dot float64
			for j, v := range row {
				dot += float64(v) * float64(d[j])
			}
			vec.Combine(dst, float32(a), d, float32(-a*dot/(r*(r+eps))), row, 0)
		}
	})
	return nil
}
