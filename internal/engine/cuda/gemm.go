package cuda

import (
	"errors"
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Gemm computes g. The product, a bias and, where no activation comes before it,
// the residual are one call of cuBLAS; what remains is one kernel over the result.
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
		TransA: g.TransB, TransB: g.TransA, Alpha: g.Alpha, Result: e.kind(g.Out),
	}
	if g.TransB {
		p.LDA = int64(k)
	}
	if g.TransA {
		p.LDB = int64(m)
	}
	if p.Kind = e.factors(p, g); p.Kind != BFloat && p.Kind != Half {
		if isFloat16(g.Out) || isFloat16(g.A) || isFloat16(g.B) || isFloat16(g.Residual) {
			return e.float32Gemm(g)
		}
		return e.product(p, g)
	}
	if p.A, err = e.frozenCopy(g.B); err != nil {
		return err
	}
	if !isFloat16(g.A) {
		left, release, err := e.scratch(2 * p.N * p.K)
		if err != nil {
			return err
		}
		defer release()
		if err := e.castTo16(left, g.A); err != nil {
			return err
		}
		p.B = left
	}
	if g.Residual != nil && g.Residual.Dtype() != g.Out.Dtype() {
		residual, release, err := e.as(g.Residual, g.Out.Dtype())
		if err != nil {
			return err
		}
		defer release()
		g.Residual = residual
	}
	return e.product(p, g)
}

// kinds are the forms in which products are multiplied.
var kinds = [...]Kind{FP32: Float, TF32: Tensor32, BF16: BFloat, FP16: Half}

// factors returns the kind in which the factors are multiplied: 16 bits in
// those precisions, if the right factor is frozen and rows are whole 16 bytes,
// as the tensor cores want them. In half precision gradients are multiplied in
// TF32, whose significand is as long and whose range is float32's.
func (e *Engine) factors(p Product, g engine.Gemm) Kind {
	kind := kinds[e.precision]
	if kind == Half && g.Gradient {
		if kind = Float; e.d.Info().Capability >= mixedFrom {
			kind = Tensor32
		}
	}
	if (kind == BFloat || kind == Half) && (!e.Frozen(g.B) || p.K%8 != 0 || p.M%8 != 0 || g.TransA && p.N%8 != 0) {
		return Float
	}
	return kind
}

// float32Gemm is Gemm by float32 stand-ins for what has 16 bits.
func (e *Engine) float32Gemm(g engine.Gemm) error {
	return e.inFloat32(g.Out, []*tensor.Dense{g.A, g.B, g.Residual}, func(out *tensor.Dense, in []*tensor.Dense) error {
		g.Out, g.A, g.B, g.Residual = out, in[0], in[1], in[2]
		return e.Gemm(g)
	})
}

// product queues p and what g wants done to its result.
func (e *Engine) product(p Product, g engine.Gemm) error {
	if g.Act == engine.Identity {
		return e.linear(p, g)
	}
	if g.ActLast && g.Residual != nil {
		p.C, p.Beta, g.Residual = address(g.Residual), 1, nil
	}
	from := p.D
	if g.Residual != nil && address(g.Residual) == p.D {
		tmp, release, err := e.scratch(width(g.Out) * p.M * p.N)
		if err != nil {
			return err
		}
		defer release()
		from, p.C, p.D = tmp, tmp, tmp
	}
	if err := e.d.Product(p); err != nil {
		return productError(g, err)
	}
	return e.epilogue(g, from, g.Bias, g.Residual)
}

// linear is a product without an activation.
func (e *Engine) linear(p Product, g engine.Gemm) error {
	if g.Residual != nil {
		p.C, p.Beta = address(g.Residual), 1
	}
	bias, err := e.biasFor(p, g.Bias)
	if err != nil {
		return err
	}
	p.Bias = bias
	if g.Bias != nil && bias == 0 {
		e.noteBiasPass(p, "the bias is not frozen")
	}
	if g.Bias == nil || bias != 0 {
		err = e.d.Product(p)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrNoBias) {
			return productError(g, err)
		}
		e.noteBiasPass(p, err.Error())
		p.Bias = 0
	}
	if err := e.d.Product(p); err != nil {
		return productError(g, err)
	}
	return e.epilogue(g, p.D, g.Bias, nil)
}

// biasFor returns a bias as cuBLAS wants it, stored as the result is, or 0
// where there is none.
func (e *Engine) biasFor(p Product, bias *tensor.Dense) (Ptr, error) {
	switch {
	case bias == nil || p.Result == Float:
		return address(bias), nil
	case e.Frozen(bias):
		return e.frozenCopy(bias)
	}
	return 0, nil
}

func (e *Engine) epilogue(g engine.Gemm, from Ptr, bias, residual *tensor.Dense) error {
	m, n := dims(g.Out)
	total := int64(m) * int64(n)
	return e.runs(e.variant("epilogue", g.Out, g.Out), total, g.Out, from, bias, residual, total, int32(n),
		int32(g.Act))
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
	err = first(g.Act.Check(), activations(sized{"left factor", g.A, m * k}, sized{"product", g.Out, m * n}),
		want(sized{"right factor", g.B, k * n}), wantIf("bias", g.Bias, n))
	if err == nil && g.Residual != nil {
		err = activations(sized{"residual", g.Residual, m * n})
	}
	return m, n, k, err
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
