package cuda

import (
	"fmt"
	"strconv"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

var _ engine.PartwiseMLP = (*Engine)(nil)

// mlpShape names the MLPs of a size on a card, as in the table of algorithms.
func mlpShape(capability int, p Precision, width, hidden int) string {
	return fmt.Sprintf("%d %v mlp %dx%d", capability, p, width, hidden)
}

// MLPRows is what the table of algorithms says of MLPs of that size, 0 where that is
// nothing or covers all rows.
func (e *Engine) MLPRows(rows, width, hidden int) int {
	n, err := strconv.Atoi(e.table[mlpShape(e.d.Info().Capability, e.precision, width, hidden)])
	if err != nil || n >= rows {
		return 0
	}
	return n
}

// MLP computes m some rows at a time: what a part writes between its products the
// next part overwrites, so that it need not leave the L2 cache.
func (e *Engine) MLP(m engine.MLP, rows int) error {
	n, width := dims(m.X)
	hidden, _ := dims(m.W1)
	if err := first(m.Act.Check(), activations(sized{"MLP's input", m.X, n * width}, sized{"MLP", m.Out, n * width}),
		want(sized{"first weight", m.W1, hidden * width}, sized{"second weight", m.W2, width * hidden}),
		wantIf("first bias", m.B1, hidden), wantIf("second bias", m.B2, width)); err != nil {
		return err
	}
	if m.Residual != nil {
		if err := activations(sized{"residual", m.Residual, n * width}); err != nil {
			return err
		}
	}
	if rows < 1 {
		return fmt.Errorf("an MLP of %d rows at a time", rows)
	}
	rows = min(rows, n)
	note(&e.fast.mlps, fmt.Sprintf("%s, %d rows at a time", mlpShape(e.d.Info().Capability, e.precision, width, hidden),
		rows))
	between, release, err := e.scratch(int64(m.X.Dtype().Size()) * int64(rows) * int64(hidden))
	if err != nil {
		return err
	}
	defer release()
	for at := 0; at < n; at += rows {
		part := min(rows, n-at)
		h := e.over(between, m.X.Dtype(), []int{part, hidden})
		one := engine.Gemm{Out: h, A: e.rowsFrom(m.X, at, part), B: m.W1, TransB: true, Alpha: 1, Bias: m.B1,
			Act: m.Act}
		two := engine.Gemm{Out: e.rowsFrom(m.Out, at, part), A: h, B: m.W2, TransB: true, Alpha: 1, Bias: m.B2,
			Residual: e.rowsFrom(m.Residual, at, part)}
		if err := e.Gemm(one); err != nil {
			return err
		}
		if err := e.Gemm(two); err != nil {
			return err
		}
	}
	return nil
}

// rowsFrom returns n rows of a matrix from row at on, nil of none.
func (e *Engine) rowsFrom(t *tensor.Dense, at, n int) *tensor.Dense {
	if t == nil {
		return nil
	}
	_, width := dims(t)
	from := address(t) + Ptr(at)*Ptr(width)*Ptr(t.Dtype().Size())
	return e.over(from, t.Dtype(), []int{n, width})
}
