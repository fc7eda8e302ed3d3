package ref

import (
	"math"

	"gorgonia.org/tensor"
)

// alike checks that tensors are of one size.
func alike(ts ...*tensor.Dense) error {
	for _, t := range ts {
		if err := want(sized{"tensor", t, size(ts[0])}); err != nil {
			return err
		}
	}
	return nil
}

// ofRow checks vectors as long as the rows of x.
func ofRow(x *tensor.Dense, vs ...*tensor.Dense) error {
	_, n := dims(x)
	for _, v := range vs {
		if err := want(sized{"parameter", v, n}); err != nil {
			return err
		}
	}
	return nil
}

// pair checks the gradients of a scale and a shift, of which there are both or
// none.
func pair(x, dgamma, dbeta *tensor.Dense) error {
	if dgamma == nil && dbeta == nil {
		return nil
	}
	return ofRow(x, dgamma, dbeta)
}

func moments(row []float32, eps float32) (mean, rstd float64) {
	for _, v := range row {
		mean += float64(v)
	}
	mean /= float64(len(row))
	var q float64
	for _, v := range row {
		q += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, 1 / math.Sqrt(q/float64(len(row))+float64(eps))
}

// LayerNorm normalises every row.
func (e *Engine) LayerNorm(out, x, gamma, beta *tensor.Dense, eps float32) error {
	if err := first(alike(out, x), ofRow(x, gamma, beta)); err != nil {
		return err
	}
	m, n := dims(x)
	for i := 0; i < m; i++ {
		row := f32(x)[i*n : i*n+n]
		mean, r := moments(row, eps)
		for j, v := range row {
			f32(out)[i*n+j] = float32((float64(v)-mean)*r*float64(f32(gamma)[j]) + float64(f32(beta)[j]))
		}
	}
	return nil
}

// LayerNormGrad writes the gradients of LayerNorm.
func (e *Engine) LayerNormGrad(dx, dgamma, dbeta, x, gamma, dy *tensor.Dense, eps float32) error {
	if err := first(alike(dy, x), ofRow(x, gamma), wantIf(sized{"gradient", dx, size(x)}),
		pair(x, dgamma, dbeta)); err != nil {
		return err
	}
	m, n := dims(x)
	dg, db := make([]float64, n), make([]float64, n)
	for i := 0; i < m; i++ {
		row, d := f32(x)[i*n:i*n+n], f32(dy)[i*n:i*n+n]
		mean, r := moments(row, eps)
		var s1, s2 float64
		for j, v := range row {
			h := (float64(v) - mean) * r
			t := float64(d[j]) * float64(f32(gamma)[j])
			s1 += t
			s2 += t * h
			dg[j] += float64(d[j]) * h
			db[j] += float64(d[j])
		}
		if dx == nil {
			continue
		}
		for j, v := range row {
			h := (float64(v) - mean) * r
			t := float64(d[j]) * float64(f32(gamma)[j])
			f32(dx)[i*n+j] = float32(r * (t - s1/float64(n) - h*s2/float64(n)))
		}
	}
	if dgamma != nil {
		for j := range dg {
			f32(dgamma)[j], f32(dbeta)[j] = float32(dg[j]), float32(db[j])
		}
	}
	return nil
}

func norm2(row []float32) float64 {
	var s float64
	for _, v := range row {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
}

// L2Normalize divides every row by its norm.
func (e *Engine) L2Normalize(out, x *tensor.Dense) error {
	return scaleRows(out, x, func(r float64) float64 { return r })
}

// DivNorm writes x / (tau*(norm+1e-7)).
func (e *Engine) DivNorm(out, x *tensor.Dense, tau float32) error {
	return scaleRows(out, x, func(r float64) float64 { return float64(tau) * (r + 1e-7) })
}

func scaleRows(out, x *tensor.Dense, by func(norm float64) float64) error {
	if err := alike(out, x); err != nil {
		return err
	}
	m, n := dims(x)
	for i := 0; i < m; i++ {
		row := f32(x)[i*n : i*n+n]
		r := by(norm2(row))
		for j, v := range row {
			f32(out)[i*n+j] = 0
			if r > 0 {
				f32(out)[i*n+j] = float32(float64(v) / r)
			}
		}
	}
	return nil
}

// L2NormalizeGrad writes the gradient of L2Normalize.
func (e *Engine) L2NormalizeGrad(dx, x, dy *tensor.Dense) error {
	if err := alike(dx, x, dy); err != nil {
		return err
	}
	return e.divNormGrad(dx, x, dy, 1, 0)
}

// DivNormGrad writes the gradient of DivNorm.
func (e *Engine) DivNormGrad(dx, x, dy *tensor.Dense, tau float32) error {
	if err := alike(dx, x, dy); err != nil {
		return err
	}
	return e.divNormGrad(dx, x, dy, float64(tau), 1e-7)
}

// divNormGrad differentiates y = x/(tau*(r+eps)), r = |x|:
// dx = dy/(tau(r+eps)) - x (x.dy) / (tau r (r+eps)^2).
func (e *Engine) divNormGrad(dx, x, dy *tensor.Dense, tau, eps float64) error {
	m, n := dims(x)
	for i := 0; i < m; i++ {
		row, d := f32(x)[i*n:i*n+n], f32(dy)[i*n:i*n+n]
		r := norm2(row)
		var s float64
		for j, v := range row {
			s += float64(v) * float64(d[j])
		}
		for j, v := range row {
			f32(dx)[i*n+j] = 0
			if r > 0 {
				f32(dx)[i*n+j] = float32(float64(d[j])/(tau*(r+eps)) - float64(v)*s/(tau*r*(r+eps)*(r+eps)))
			}
		}
	}
	return nil
}
