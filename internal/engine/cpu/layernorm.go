package cpu

import (
	"math"

	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// moments returns the mean of a row and 1/sqrt(variance + eps).
func moments(row []float32, eps float32) (mean, rstd float32) {
	n := float32(len(row))
	mean = vec.Sum(row) / n
	return mean, float32(1 / math.Sqrt(float64(vec.SqDist(row, mean)/n+eps)))
}

// LayerNorm normalises rows:
//
//	for i in [0, M):
//	    mean, var = moments of x[i]
//	    for j in [0, N):
//	        out[i, j] = (x[i, j] - mean) / sqrt(var + eps) * gamma[j] + beta[j]
func (e *Engine) LayerNorm(out, x, gamma, beta *tensor.Dense, eps float32) error {
	m, n := dims(x)
	if err := first(activations(sized{"rows", x, m * n}, sized{"result", out, m * n}),
		wantAll(sized{"gamma", gamma, n}, sized{"beta", beta, n})); err != nil {
		return err
	}
	g, b := f32(gamma), f32(beta)
	src, narrow, to, rounded := f32(x), b16(x), f32(out), b16(out)
	e.rows(m, n, func(lo, hi int) {
		buf := scratch.Get(2 * n)
		defer buf.Put()
		row, dst := buf.Data[:n], buf.Data[n:]
		for i := lo; i < hi; i++ {
			if src != nil {
				row = src[i*n : i*n+n]
			} else {
				bgemm.Widen(row, narrow[i*n:i*n+n])
			}
			if to != nil {
				dst = to[i*n : i*n+n]
			}
			mean, rstd := moments(row, eps)
			vec.Normalize(dst, row, g, b, mean, rstd)
			if rounded != nil {
				bgemm.Round(rounded[i*n:i*n+n], dst)
			}
		}
	})
	return nil
}

// normChunk is the number of rows whose parameter gradients are summed in
// float32 before float64 goes on.
const normChunk = 64

// LayerNormGrad differentiates LayerNorm: with h = (x - mean)*rstd and
// t = dy*gamma,
//
//	for i in [0, M), j in [0, N):
//	    dx[i, j] = rstd * (t[j] - mean of t - h[j] * mean of t*h)
//	for j in [0, N):
//	    dgamma[j] = sum over i of dy[i, j]*h[i, j]
//	    dbeta[j] = sum over i of dy[i, j]
//
// dx may be nil; so may dgamma and dbeta together.
func (e *Engine) LayerNormGrad(dx, dgamma, dbeta, x, gamma, dy *tensor.Dense, eps float32) error {
	m, n := dims(x)
	if err := wantAll(sized{"rows", x, m * n}, sized{"gradient", dy, m * n}, sized{"gamma", gamma, n}); err != nil {
		return err
	}
	if dx != nil {
		if err := want("result", dx, m*n); err != nil {
			return err
		}
	}
	if dgamma != nil || dbeta != nil {
		if err := wantAll(sized{"gradient of gamma", dgamma, n}, sized{"gradient of beta", dbeta, n}); err != nil {
			return err
		}
	}
	src, grad, g, dst := f32(x), f32(dy), f32(gamma), f32(dx)
	chunks := (m + normChunk - 1) / normChunk
	var sums *scratch.Floats
	if dgamma != nil {
		sums = scratch.Get(chunks * 2 * n)
		defer sums.Put()
	}
	e.each(chunks, 1+(1<<14)/(normChunk*n), func(lo, hi int) {
		row := newNormRow(n)
		defer row.buf.Put()
		for c := lo; c < hi; c++ {
			var dg, db []float32
			if sums != nil {
				dg, db = sums.Data[c*2*n:][:n], sums.Data[(c*2+1)*n:][:n]
				clear(dg)
				clear(db)
			}
			for i := c * normChunk; i < min((c+1)*normChunk, m); i++ {
				row.load(src[i*n:i*n+n], eps)
				d := grad[i*n : i*n+n]
				if sums != nil {
					vec.MulAdd(dg, d, row.h)
					vec.Axpy(1, d, db)
				}
				if dst != nil {
					row.grad(dst[i*n:i*n+n], d, g)
				}
			}
		}
	})
	if sums != nil {
		dg, db := f32(dgamma), f32(dbeta)
		for j := 0; j < n; j++ {
			var g, b float64
			for c := 0; c < chunks; c++ {
				g += float64(sums.Data[c*2*n+j])
				b += float64(sums.Data[(c*2+1)*n+j])
			}
			dg[j], db[j] = float32(g), float32(b)
		}
	}
	return nil
}

// normRow is a row being differentiated.
type normRow struct {
	h, t, ones, zeros []float32
	rstd              float32
	buf               *scratch.Floats
}

func newNormRow(n int) *normRow {
	buf := scratch.Get(4 * n)
	d := buf.Data
	r := &normRow{h: d[:n], t: d[n : 2*n], ones: d[2*n : 3*n], zeros: d[3*n:], buf: buf}
	for i := range r.ones {
		r.ones[i] = 1
	}
	clear(r.zeros)
	return r
}

// load computes the normalised row h.
func (r *normRow) load(x []float32, eps float32) {
	var mean float32
	mean, r.rstd = moments(x, eps)
	vec.Normalize(r.h, x, r.ones, r.zeros, mean, r.rstd)
}

// grad writes the row's gradient.
func (r *normRow) grad(dx, dy, gamma []float32) {
	n := float32(len(dx))
	vec.Mul(r.t, 1, dy, gamma)
	a, b := vec.Sum(r.t)/n, vec.Dot(r.t, r.h)/n
	vec.Combine(dx, r.rstd, r.t, -r.rstd*b, r.h, -r.rstd*a)
}
