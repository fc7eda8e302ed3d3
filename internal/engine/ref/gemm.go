package ref

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Gemm computes Out = act(Alpha * op(A) op(B) + Bias) + Residual, or with ActLast
// act(Alpha * op(A) op(B) + Bias + Residual).
func (e *Engine) Gemm(g engine.Gemm) error {
	if g.Out == nil || g.A == nil || g.B == nil {
		return fmt.Errorf("product without operands")
	}
	a, b, out := f32(g.A), f32(g.B), f32(g.Out)
	ar, ac := dims(g.A)
	br, bc := dims(g.B)
	m, k := ar, ac
	if g.TransA {
		m, k = ac, ar
	}
	n, kb := bc, br
	if g.TransB {
		n, kb = br, bc
	}
	if k != kb || len(out) != m*n {
		return fmt.Errorf("product of %v and %v does not fit %v", g.A.Shape(), g.B.Shape(), g.Out.Shape())
	}
	if err := first(g.Act.Check(), wantIf(sized{"bias", g.Bias, n}, sized{"residual", g.Residual, m * n})); err != nil {
		return err
	}
	res := append([]float32(nil), f32(g.Residual)...)
	for i := 0; i < m; i++ {
		for j := 0; j < n; j++ {
			var s float64
			for p := 0; p < k; p++ {
				ia, ib := i*ac+p, p*bc+j
				if g.TransA {
					ia = p*ac + i
				}
				if g.TransB {
					ib = j*bc + p
				}
				s += float64(a[ia]) * float64(b[ib])
			}
			s *= float64(g.Alpha)
			if g.Bias != nil {
				s += float64(f32(g.Bias)[j])
			}
			if g.Residual != nil && g.ActLast {
				s += float64(res[i*n+j])
			}
			s = act(s, g.Act)
			if g.Residual != nil && !g.ActLast {
				s += float64(res[i*n+j])
			}
			out[i*n+j] = float32(s)
		}
	}
	return nil
}

// ColSum writes the sum over the rows of x to out.
func (e *Engine) ColSum(out, x *tensor.Dense) error {
	m, n := dims(x)
	if err := want(sized{"sum", out, n}); err != nil {
		return err
	}
	for j := 0; j < n; j++ {
		var s float64
		for i := 0; i < m; i++ {
			s += float64(f32(x)[i*n+j])
		}
		f32(out)[j] = float32(s)
	}
	return nil
}
