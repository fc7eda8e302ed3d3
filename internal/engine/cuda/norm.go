package cuda

import "gorgonia.org/tensor"

// logitNormEps keeps LogitNorm from dividing by zero.
const logitNormEps = 1e-7

// L2Normalize divides rows by their norms.
func (e *Engine) L2Normalize(out, x *tensor.Dense) error { return e.divNorm(out, x, 1, 0) }

// L2NormalizeGrad differentiates L2Normalize.
func (e *Engine) L2NormalizeGrad(dx, x, dy *tensor.Dense) error {
	return e.divNormGrad(dx, x, dy, 1, 0)
}

// DivNorm writes x / (tau * (norm + 1e-7)).
func (e *Engine) DivNorm(out, x *tensor.Dense, tau float32) error {
	return e.divNorm(out, x, tau, logitNormEps)
}

// DivNormGrad differentiates DivNorm.
func (e *Engine) DivNormGrad(dx, x, dy *tensor.Dense, tau float32) error {
	return e.divNormGrad(dx, x, dy, tau, logitNormEps)
}

func (e *Engine) divNorm(out, x *tensor.Dense, tau, eps float32) error {
	m, n := dims(x)
	if err := want(sized{"rows", x, m * n}, sized{"result", out, m * n}); err != nil {
		return err
	}
	return e.rows("divnorm", m, out, x, int32(m), int32(n), tau, eps)
}

func (e *Engine) divNormGrad(dx, x, dy *tensor.Dense, tau, eps float32) error {
	m, n := dims(x)
	if err := want(sized{"rows", x, m * n}, sized{"result", dx, m * n}, sized{"gradient", dy, m * n}); err != nil {
		return err
	}
	return e.rows("divnorm_grad", m, dx, x, dy, int32(m), int32(n), tau, eps)
}
