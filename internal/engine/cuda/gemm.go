package cuda

import (
	"errors"
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Gemm computes g. The product, a bias and, where there is no activation, the
// residual are one call of cuBLAS; what remains is one kernel over the result.
//
// cuBLAS is column-major, and a row-major matrix is its own transpose there:
// so Out^T = op(B)^T op(A)^T is asked for, with the factors exchanged.
func (e *Engine) Gemm(g engine.Gemm) error {
	m, n, k, err := gemmSizes(g)
	if err != nil {
		return err
	}
	p := Product{
		A: address(g.B), B: address(g.A), C: address(g.Out), D: address(g.Out),
		M: int64(n), N: int64(m), K: int64(k), LDA: int64(n), LDB: int64(k), LDC: int64(n),
		TransA: g.TransB, TransB: g.TransA, Alpha: g.Alpha,
	}
	if g.TransB {
		p.LDA = int64(k)
	}
	if g.TransA {
		p.LDB = int64(m)
	}
	release, err := e.narrow(&p, g)
	if err != nil {
		return err
	}
	defer release()
	if g.Act == engine.Identity {
		return e.linear(p, g)
	}
	from := p.D
	if g.Residual != nil && address(g.Residual) == p.D {
		tmp, release, err := e.scratch(4 * p.M * p.N)
		if err != nil {
			return err
		}
		defer release()
		from, p.C, p.D = tmp, tmp, tmp
	}
	if err := e.d.Product(p); err != nil {
		return productError(g, err)
	}
	return e.epilogue(g, from, g.Bias, g.Residual, p.M*p.N, n)
}

// linear is Gemm without an activation.
func (e *Engine) linear(p Product, g engine.Gemm) error {
	if g.Residual != nil {
		p.C, p.Beta = address(g.Residual), 1
	}
	p.Bias = address(g.Bias)
	err := e.d.Product(p)
	if errors.Is(err, ErrNoBias) {
		p.Bias = 0
		if err = e.d.Product(p); err == nil {
			return e.epilogue(g, p.D, g.Bias, nil, p.M*p.N, int(p.M))
		}
	}
	if err != nil {
		return productError(g, err)
	}
	return nil
}

func (e *Engine) epilogue(g engine.Gemm, from Ptr, bias, residual *tensor.Dense, total int64, columns int) error {
	return e.each("epilogue", total, g.Out, from, bias, residual, total, int32(columns), int32(g.Act))
}

func productError(g engine.Gemm, err error) error {
	return fmt.Errorf("product of %v and %v: %w", g.A.Shape(), g.B.Shape(), err)
}

// gemmSizes checks g.
func gemmSizes(g engine.Gemm) (m, n, k int, err error) {
	if g.Out == nil || g.A == nil || g.B == nil {
		return 0, 0, 0, fmt.Errorf("product without operands")
	}
	m, ka := dims(g.A)
	k, n = dims(g.B)
	if g.TransA {
		m, ka = ka, m
	}
	if g.TransB {
		k, n = n, k
	}
	if ka != k || size(g.Out) != m*n {
		return 0, 0, 0, fmt.Errorf("product of %v and %v does not fit %v", g.A.Shape(), g.B.Shape(), g.Out.Shape())
	}
	if g.Act > engine.ReLU {
		return 0, 0, 0, fmt.Errorf("activation %d is unknown", g.Act)
	}
	return m, n, k, first(want(sized{"left factor", g.A, m * k}, sized{"right factor", g.B, k * n}, sized{"product", g.Out, m * n}),
		wantIf("bias", g.Bias, n), wantIf("residual", g.Residual, m*n))
}

// narrow gives p the kind of its factors. In the 16-bit precisions a product
// with a frozen right factor of suitable size takes that factor's narrow copy and a copy of the
// left one made here, which release gives back.
func (e *Engine) narrow(p *Product, g engine.Gemm) (release func(), err error) {
	nothing := func() {}
	cast := ""
	switch e.precision {
	case TF32:
		p.Kind = Tensor32
		return nothing, nil
	case BF16:
		cast, p.Kind = "cast_bf16", BFloat
	case FP16:
		cast, p.Kind = "cast_fp16", Half
	default:
		return nothing, nil
	}
	weights, frozen := e.frozen[g.B]
	// The tensor cores want rows of whole 16 bytes.
	if !frozen || p.K%8 != 0 || p.M%8 != 0 || g.TransA && p.N%8 != 0 {
		p.Kind = Float
		return nothing, nil
	}
	if weights == 0 {
		n := int64(size(g.B))
		if weights, err = e.pool.get(2 * n); err != nil {
			return nothing, err
		}
		if err := e.each(cast, n, weights, g.B, n); err != nil {
			return nothing, err
		}
		e.frozen[g.B] = weights
	}
	n := int64(size(g.A))
	left, release, err := e.scratch(2 * n)
	if err != nil {
		return nothing, err
	}
	p.A, p.B = weights, left
	if err := e.each(cast, n, left, g.A, n); err != nil {
		release()
		return nothing, err
	}
	return release, nil
}

// Freeze promises that t never changes again, so that a 16-bit copy of it may
// be kept; the copy is made at its first use.
func (e *Engine) Freeze(t *tensor.Dense) {
	if _, known := e.frozen[t]; !known && (e.precision == BF16 || e.precision == FP16) && len(t.Shape()) == 2 {
		e.frozen[t] = 0
	}
}

func (e *Engine) thaw(t *tensor.Dense) {
	if p := e.frozen[t]; p != 0 {
		e.drop(p)
	}
	delete(e.frozen, t)
}

// ColSum sums columns: out[j] = sum over i of x[i, j].
func (e *Engine) ColSum(out, x *tensor.Dense) error {
	m, n := dims(x)
	if err := want(sized{"sum", out, n}, sized{"matrix", x, m * n}); err != nil {
		return err
	}
	part, release, err := e.scratch(4 * int64(columnChunks(m)) * int64(n))
	if err != nil {
		return err
	}
	defer release()
	return first(e.columns("column_part", m, n, part, x, int32(m), int32(n), int32(columnRows)),
		e.columnFinish(out, part, m, n))
}

func (e *Engine) columnFinish(out *tensor.Dense, part Ptr, m, n int) error {
	return e.each("column_finish", int64(n), out, part, int32(columnChunks(m)), int32(n))
}
