package cuda

import (
	"errors"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// LayerNorm normalises rows.
func (e *Engine) LayerNorm(out, x, gamma, beta *tensor.Dense, eps float32) error {
	m, n := dims(x)
	err := first(activations(sized{"rows", x, m * n}, sized{"result", out, m * n}),
		want(sized{"gain", gamma, n}, sized{"bias", beta, n}))
	if err != nil {
		return err
	}
	return e.rows(e.variant("layernorm", x, out), m, out, x, gamma, beta, int32(m), int32(n), eps)
}

// LayerNormGrad differentiates LayerNorm.
func (e *Engine) LayerNormGrad(dx, dgamma, dbeta, x, gamma, dy *tensor.Dense, eps float32) error {
	m, n := dims(x)
	err := first(want(sized{"rows", x, m * n}, sized{"gradient", dy, m * n}, sized{"gain", gamma, n}),
		wantIf("result", dx, m*n),
		wantIf("gradient of the gain", dgamma, n), wantIf("gradient of the bias", dbeta, n))
	if err != nil {
		return err
	}
	if (dgamma == nil) != (dbeta == nil) {
		return errors.New("layer norm: the gradients of gain and bias come together")
	}
	if dgamma == nil {
		return e.rows("layernorm_grad", m, dx, Ptr(0), x, gamma, dy, Ptr(0), int32(m), int32(n), eps)
	}
	chunks := 4 * int64(columnChunks(m)) * int64(n)
	stats, release, err := e.scratch(8 * int64(m))
	if err != nil {
		return err
	}
	defer release()
	dg, releaseGain, err := e.scratch(chunks)
	if err != nil {
		return err
	}
	defer releaseGain()
	db, releaseBias, err := e.scratch(chunks)
	if err != nil {
		return err
	}
	defer releaseBias()
	return first(e.rows("layernorm_grad", m, dx, stats, x, gamma, dy, Ptr(0), int32(m), int32(n), eps),
		e.columns("layernorm_grad_part", m, n, dg, db, stats, x, dy, int32(m), int32(n), int32(columnRows)),
		e.columnFinish(dgamma, dg, m, n), e.columnFinish(dbeta, db, m, n))
}

var _ engine.LayerNormAdder = (*Engine)(nil)

// LayerNormGradAdd is the gradient with respect to x and a sum in one pass.
func (e *Engine) LayerNormGradAdd(dx, x, gamma, dy, term *tensor.Dense, eps float32) error {
	m, n := dims(x)
	err := want(sized{"rows", x, m * n}, sized{"gradient", dy, m * n}, sized{"gain", gamma, n}, sized{"result", dx,
		m * n}, sized{"other gradient", term, m * n})
	if err != nil {
		return err
	}
	return e.rows("layernorm_grad", m, dx, Ptr(0), x, gamma, dy, term, int32(m), int32(n), eps)
}
