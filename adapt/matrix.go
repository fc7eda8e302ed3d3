package adapt

import (
	"fmt"
	"math"
)

// Matrix holds Rows rows of Cols float32 values, row after row.
type Matrix struct {
	Rows, Cols int
	Data       []float32 // length Rows*Cols; entry (i, j) is Data[i*Cols+j]
}

// NewMatrix returns a matrix of zeros.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}
}

// Row returns row i; writing to it writes to the matrix.
func (m Matrix) Row(i int) []float32 {
	return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols]
}

// Clone returns a copy that shares nothing with m.
func (m Matrix) Clone() Matrix {
	m.Data = append([]float32(nil), m.Data...)
	return m
}

// take returns the rows idx, copied.
func (m Matrix) take(idx []int) Matrix {
	out := NewMatrix(len(idx), m.Cols)
	for i, r := range idx {
		copy(out.Row(i), m.Row(r))
	}
	return out
}

// head returns the first n rows, shared.
func (m Matrix) head(n int) Matrix {
	return Matrix{Rows: n, Cols: m.Cols, Data: m.Data[: n*m.Cols : n*m.Cols]}
}

// Check reports what makes m no matrix of finite numbers, under the name of
// what it holds.
func (m Matrix) Check(what string) error { return m.check(what) }

// check reports a shape that does not fit the data and values that are NaN or
// infinite, under the name of what the matrix holds.
func (m Matrix) check(what string) error {
	if m.Rows <= 0 || m.Cols <= 0 {
		return fmt.Errorf("%s: shape [%d, %d] is empty", what, m.Rows, m.Cols)
	}
	if len(m.Data)/m.Cols != m.Rows || len(m.Data)%m.Cols != 0 {
		return fmt.Errorf("%s: shape [%d, %d] does not fit %d values", what, m.Rows, m.Cols, len(m.Data))
	}
	for i, v := range m.Data {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s: value at row %d, column %d is %v; all must be finite", what, i/m.Cols, i%m.Cols, v)
		}
	}
	return nil
}

// directed refuses a row of zeros, which is no more of one class than of another: an
// encoder gives none, so it stands for a picture that was not encoded.
func (m Matrix) directed(what string) error {
	for i := range m.Rows {
		zero := true
		for _, v := range m.Row(i) {
			if zero = v == 0; !zero {
				break
			}
		}
		if zero {
			return fmt.Errorf("%s: row %d of %d is all zeros, which no encoder gives: leave it out or encode it again",
				what, i, m.Rows)
		}
	}
	return nil
}

// unit returns m with every row divided by its Euclidean norm; a row of zeros
// stays one.
func (m Matrix) unit() Matrix {
	out := NewMatrix(m.Rows, m.Cols)
	for i := range m.Rows {
		row, dst := m.Row(i), out.Row(i)
		sum := 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		if sum == 0 {
			continue
		}
		norm := math.Sqrt(sum)
		for j, v := range row {
			dst[j] = float32(float64(v) / norm)
		}
	}
	return out
}
