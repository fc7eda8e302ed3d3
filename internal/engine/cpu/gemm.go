package cpu

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/sgemm"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// product is a checked engine.Gemm: its sizes, and its slices where all of it
// is in float32.
type product struct {
	engine.Gemm
	out, a, b, bias, res []float32
	m, n, k, lda, ldb    int
}

func newProduct(g engine.Gemm) (p product, err error) {
	if g.Out == nil || g.A == nil || g.B == nil {
		return p, fmt.Errorf("product without operands")
	}
	p = product{Gemm: g, out: f32(g.Out), a: f32(g.A), b: f32(g.B), bias: f32(g.Bias), res: f32(g.Residual)}
	p.m, p.lda = dims(g.A)
	p.k, p.ldb = dims(g.B)
	ka := p.lda
	if g.TransA {
		p.m, ka = p.lda, p.m
	}
	p.n = p.ldb
	if g.TransB {
		p.k, p.n = p.ldb, p.k
	}
	switch {
	case ka != p.k || elements(g.Out) != p.m*p.n:
		err = fmt.Errorf("product of %v and %v does not fit %v", g.A.Shape(), g.B.Shape(), g.Out.Shape())
	case g.Bias != nil && len(p.bias) != p.n:
		err = fmt.Errorf("bias %v does not fit %d columns", g.Bias.Shape(), p.n)
	case g.Residual != nil && elements(g.Residual) != p.m*p.n:
		err = fmt.Errorf("residual %v does not fit %d x %d", g.Residual.Shape(), p.m, p.n)
	}
	if err = first(err, g.Act.Check(), activations(sized{"left factor", g.A, p.m * p.k},
		sized{"product", g.Out, p.m * p.n})); err == nil && g.Residual != nil {
		err = activations(sized{"residual", g.Residual, p.m * p.n})
	}
	return p, err
}

// Gemm computes, with op transposing where asked,
//
//	for i in [0, M), j in [0, N):
//	    out[i, j] = act(alpha * sum over l of op(a)[i, l] * op(b)[l, j] + bias[j]) + residual[i, j]
//
// or, with ActLast, the residual inside the activation: in bfloat16 where b is
// frozen in that precision or both factors may be rounded, else by package sgemm.
func (e *Engine) Gemm(g engine.Gemm) error {
	p, err := newProduct(g)
	if err != nil {
		return err
	}
	if p.ActLast && g.Act != engine.ReLU && g.Act != engine.Identity && g.Residual != nil &&
		(g.Narrow || e.frozen[g.B] != nil) {
		g.ActLast, g.Act = false, engine.Identity // the activation is a pass of its own
		return first(e.Gemm(g), e.Act(g.Out, g.Out, p.Act))
	}
	if !g.TransA {
		if w := e.packed(g.B, g.TransB); w != nil {
			w.Multiply(e.threads(), matrix(g.Out), matrix(g.A), p.m, p.epilogue())
			return nil
		}
	}
	if g.Narrow && e.StoresFloat16() && elements(g.B) == len(p.b)+len(b16(g.B)) {
		bgemm.Product(e.threads(), matrix(g.Out), bgemm.Factor{Matrix: matrix(g.A), Trans: g.TransA},
			bgemm.Factor{Matrix: matrix(g.B), Trans: g.TransB}, p.m, p.n, p.k, p.epilogue())
		return nil
	}
	if isFloat16(g.Out, g.A, g.B, g.Residual) || len(p.b) != p.k*p.n {
		return e.float32Gemm(g)
	}
	e.gemm(p)
	return nil
}

// epilogue is p's in bfloat16, where ReLU alone is applied to the sum with the
// residual.
func (p product) epilogue() bgemm.Epilogue {
	return bgemm.Epilogue{Alpha: p.Alpha, Bias: p.bias, Act: p.Act, ActLast: p.ActLast && p.Act == engine.ReLU,
		Residual: matrix(p.Residual)}
}

// float32Gemm is Gemm by float32 stand-ins for what is stored otherwise.
func (e *Engine) float32Gemm(g engine.Gemm) error {
	if n := elements(g.B); len(f32(g.B)) != n && !isFloat16(g.B) {
		buf := scratch.Get(n)
		defer buf.Put()
		if !e.unpack(buf.Data, g.B) {
			return want("right factor", g.B, n)
		}
		g.B = e.over(buf.Data, g.B.Shape())
	}
	in := []*tensor.Dense{g.A, g.B, g.Residual}
	return e.inFloat32(g.Out, in, func(out *tensor.Dense, in []*tensor.Dense) error {
		g.Out, g.A, g.B, g.Residual = out, in[0], in[1], in[2]
		return e.Gemm(g)
	})
}

// gemm computes p in float32. Bias, activation and residual are applied to each
// tile of rows while it is in cache.
func (e *Engine) gemm(p product) {
	beta := float32(0)
	inPlace := p.res != nil && len(p.out) > 0 && &p.res[0] == &p.out[0]
	if inPlace && (p.Act == engine.Identity || p.ActLast) {
		beta, p.res = 1, nil
	} else if inPlace {
		kept := scratch.Get(len(p.res))
		defer kept.Put()
		copy(kept.Data, p.res)
		p.res = kept.Data
	}
	var finish sgemm.Epilogue
	if p.bias != nil || p.res != nil || p.Act != engine.Identity {
		finish = p.finish
	}
	sgemm.Fused(e.threads(), p.TransA, p.TransB, p.m, p.n, p.k, p.Alpha, p.a, p.lda, p.b, p.ldb, beta, p.out, p.n,
		finish)
}

// finish is the epilogue: out = act(out + bias) + residual on a part of out, or
// act(out + bias + residual).
func (p product) finish(i0, i1, j0, j1 int) {
	for i := i0; i < i1; i++ {
		row := p.out[i*p.n+j0 : i*p.n+j1]
		if p.bias != nil && p.Act == engine.ReLU && (p.res == nil || p.ActLast) { // all at once
			if p.res != nil {
				vec.Axpy(1, p.res[i*p.n+j0:i*p.n+j1], row)
			}
			vec.AddReLU(row, p.bias[j0:j1])
			continue
		}
		if p.bias != nil {
			vec.Axpy(1, p.bias[j0:j1], row)
		}
		if p.res != nil && p.ActLast {
			vec.Axpy(1, p.res[i*p.n+j0:i*p.n+j1], row)
		}
		activate(row, row, p.Act)
		if p.res != nil && !p.ActLast {
			vec.Axpy(1, p.res[i*p.n+j0:i*p.n+j1], row)
		}
	}
}

// colChunk is the number of rows that ColSum adds up in float32 before it
// goes on in float64.
const colChunk = 128

// ColSum sums columns, in the order of the rows:
//
//	for j in [0, N):
//	    out[j] = sum over i in [0, M) of x[i, j]
func (e *Engine) ColSum(out, x *tensor.Dense) error {
	m, n := dims(x)
	if err := first(want("sum", out, n), activations(sized{"matrix", x, m * n})); err != nil {
		return err
	}
	src, narrow, dst := f32(x), b16(x), f32(out)
	e.each(n, 1+(1<<15)/m, func(lo, hi int) {
		total := make([]float64, hi-lo)
		buf := scratch.Get(2 * (hi - lo))
		defer buf.Put()
		part, row := buf.Data[:hi-lo], buf.Data[hi-lo:]
		for i := 0; i < m; i += colChunk {
			clear(part)
			for r := i; r < min(i+colChunk, m); r++ {
				if src != nil {
					row = src[r*n+lo : r*n+hi]
				} else {
					bgemm.Widen(row, narrow[r*n+lo:r*n+hi])
				}
				vec.Axpy(1, row, part)
			}
			for j, v := range part {
				total[j] += float64(v)
			}
		}
		for j, v := range total {
			dst[lo+j] = float32(v)
		}
	})
	return nil
}
