package calib

import (
	"errors"
	"fmt"
	"math"
)

// ErrEmpty is wrapped by the error for a set without samples or classes.
var ErrEmpty = errors.New("no samples")

// Matrix holds N rows of K values, row after row. As logits, a row is one
// sample and a column one class.
type Matrix struct {
	N, K int
	Data []float64 // length N*K; entry (i, k) is Data[i*K+k]
}

// NewMatrix returns an n by k matrix of zeros.
func NewMatrix(n, k int) Matrix {
	return Matrix{N: n, K: k, Data: make([]float64, n*k)}
}

// FromRows copies rows of equal length into a Matrix.
func FromRows(rows [][]float64) (Matrix, error) {
	if len(rows) == 0 {
		return Matrix{}, fmt.Errorf("matrix from rows: %w", ErrEmpty)
	}
	m := NewMatrix(len(rows), len(rows[0]))
	for i, row := range rows {
		if len(row) != m.K {
			return Matrix{}, fmt.Errorf("row %d has %d values, row 0 has %d", i, len(row), m.K)
		}
		copy(m.Row(i), row)
	}
	return m, nil
}

// FromFloat32 widens n*k values, stored row after row, into a Matrix.
func FromFloat32(n, k int, flat []float32) (Matrix, error) {
	if err := checkShape(n, k, len(flat)); err != nil {
		return Matrix{}, err
	}
	m := NewMatrix(n, k)
	for i, v := range flat {
		m.Data[i] = float64(v)
	}
	return m, nil
}

// Row returns row i; writing to it writes to the matrix.
func (m Matrix) Row(i int) []float64 {
	return m.Data[i*m.K : (i+1)*m.K : (i+1)*m.K]
}

// Clone returns a copy that shares nothing with m.
func (m Matrix) Clone() Matrix {
	c := m
	c.Data = append([]float64(nil), m.Data...)
	return c
}

// Check reports an error when m has no samples or no classes, when Data does
// not fit the shape, or when an entry is NaN or infinite; the error names the
// row and the column.
func (m Matrix) Check() error {
	if err := checkShape(m.N, m.K, len(m.Data)); err != nil {
		return err
	}
	for i := range m.N {
		if err := checkRow(m.Row(i), i); err != nil {
			return err
		}
	}
	return nil
}

// checkRow reports the first value of row i that is not finite.
func checkRow(row []float64, i int) error {
	for k, v := range row {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("logit at row %d, column %d is %v; logits must be finite", i, k, v)
		}
	}
	return nil
}

func checkDimensions(n, k int) error {
	if n == 0 {
		return fmt.Errorf("logits of shape [%d, %d]: %w", n, k, ErrEmpty)
	}
	if k == 0 {
		return fmt.Errorf("logits of shape [%d, %d] have no classes", n, k)
	}
	return nil
}

func checkShape(n, k, values int) error {
	if err := checkDimensions(n, k); err != nil {
		return err
	}
	// The division keeps n*k from overflowing.
	if n < 0 || k < 0 || values/k != n || values%k != 0 {
		return fmt.Errorf("logits of shape [%d, %d] do not fit %d values", n, k, values)
	}
	return nil
}

// checkLabels reports the first label that is not one of k columns.
func checkLabels(n, k int, labels []int) error {
	if len(labels) != n {
		return fmt.Errorf("%d labels for %d rows of logits", len(labels), n)
	}
	for i, y := range labels {
		if y < 0 || y >= k {
			return fmt.Errorf("label %d at row %d is outside 0 to %d", y, i, k-1)
		}
	}
	return nil
}

// checkLabelled checks logits and labels together.
func checkLabelled(m Matrix, labels []int) error {
	if err := m.Check(); err != nil {
		return err
	}
	return checkLabels(m.N, m.K, labels)
}

// checkPair checks that adapted and zero-shot logits belong to the same
// samples. The number of classes may differ: only the zero-shot minimum and
// maximum are used.
func checkPair(adapted, zeroShot Matrix) error {
	if err := adapted.Check(); err != nil {
		return fmt.Errorf("adapted: %w", err)
	}
	if err := zeroShot.Check(); err != nil {
		return fmt.Errorf("zero-shot: %w", err)
	}
	if adapted.N != zeroShot.N {
		return errUnlikeRows(adapted.N, zeroShot.N)
	}
	return nil
}

func errUnlikeRows(adapted, zeroShot int) error {
	return fmt.Errorf("%d rows of adapted logits, %d of zero-shot logits; both must hold the same samples in the same "+
		"order",
		adapted, zeroShot)
}
