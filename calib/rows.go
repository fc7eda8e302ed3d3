package calib

import (
	"fmt"
	"sync"
)

// Rows are logits that are read in pieces: a [Matrix] in memory, a file, or
// either seen through a remedy. A row is one sample, a column one class.
type Rows interface {
	// Shape returns the number of rows and of columns.
	Shape() (n, k int)
	// ReadRows fills dst, whose length is a multiple of the number of columns,
	// with the rows that begin at from. It may be called concurrently and
	// gives the same values each time.
	ReadRows(dst []float64, from int) error
}

// Shape returns N and K.
func (m Matrix) Shape() (n, k int) { return m.N, m.K }

// ReadRows copies rows of m to dst.
func (m Matrix) ReadRows(dst []float64, from int) error {
	if m.K == 0 || len(dst)%m.K != 0 || from < 0 || from+len(dst)/m.K > m.N {
		return fmt.Errorf("%d values from row %d of logits of shape [%d, %d]", len(dst), from, m.N, m.K)
	}
	copy(dst, m.Data[from*m.K:])
	return nil
}

// Collect reads all rows into memory and checks them.
func Collect(r Rows) (Matrix, error) {
	if m, ok := r.(Matrix); ok {
		return m, m.Check()
	}
	n, k := r.Shape()
	if err := checkDimensions(n, k); err != nil {
		return Matrix{}, err
	}
	m := NewMatrix(n, k)
	err := eachBlock(r, partsOf(n, 0), func(_, from int, block []float64) error {
		copy(m.Data[from*k:], block)
		return nil
	})
	if err != nil {
		return Matrix{}, err
	}
	return m, m.Check()
}

// MapRows shows r through a function that changes a row in place; i is the
// row's index. The function must be safe for concurrent use.
func MapRows(r Rows, f func(i int, row []float64)) Rows {
	return mappedRows{r, f}
}

type mappedRows struct {
	Rows
	f func(i int, row []float64)
}

func (m mappedRows) ReadRows(dst []float64, from int) error {
	if err := m.Rows.ReadRows(dst, from); err != nil {
		return err
	}
	_, k := m.Shape()
	for at := 0; at < len(dst); at += k {
		m.f(from+at/k, dst[at:at+k:at+k])
	}
	return nil
}

// SelectRows shows the given rows of r, in the given order.
func SelectRows(r Rows, index []int) (Rows, error) {
	n, _ := r.Shape()
	for _, i := range index {
		if i < 0 || i >= n {
			return nil, fmt.Errorf("row %d of %d", i, n)
		}
	}
	return selectedRows{r, index}, nil
}

type selectedRows struct {
	src   Rows
	index []int
}

func (s selectedRows) Shape() (n, k int) {
	_, k = s.src.Shape()
	return len(s.index), k
}

func (s selectedRows) ReadRows(dst []float64, from int) error {
	_, k := s.Shape()
	for at := 0; at < len(dst); {
		// Neighbours are read together.
		first := s.index[from+at/k]
		run := 1
		for at+run*k < len(dst) && s.index[from+at/k+run] == first+run {
			run++
		}
		if err := s.src.ReadRows(dst[at:at+run*k], first); err != nil {
			return err
		}
		at += run * k
	}
	return nil
}

// SaLSRows is [SaLS] on rows that are read in pieces.
func SaLSRows(adapted, zeroShot Rows) (Rows, error) {
	n, k := adapted.Shape()
	zn, zk := zeroShot.Shape()
	if err := checkDimensions(n, k); err != nil {
		return nil, fmt.Errorf("adapted: %w", err)
	}
	if err := checkDimensions(zn, zk); err != nil {
		return nil, fmt.Errorf("zero-shot: %w", err)
	}
	if n != zn {
		return nil, errUnlikeRows(n, zn)
	}
	return salsRows{adapted, zeroShot}, nil
}

type salsRows struct {
	Rows     // adapted
	zeroShot Rows
}

func (s salsRows) ReadRows(dst []float64, from int) error {
	if err := s.Rows.ReadRows(dst, from); err != nil {
		return err
	}
	_, k := s.Shape()
	_, zk := s.zeroShot.Shape()
	zs := takeScratch(len(dst) / k * zk)
	defer giveScratch(zs)
	if err := s.zeroShot.ReadRows(zs, from); err != nil {
		return err
	}
	for i := range len(dst) / k {
		row := dst[i*k : (i+1)*k]
		z := zs[i*zk : (i+1)*zk]
		if err := checkRow(z, from+i); err != nil {
			return fmt.Errorf("zero-shot: %w", err)
		}
		zsNormInto(row, row, z)
	}
	return nil
}

var scratch sync.Pool

func takeScratch(n int) []float64 {
	if s, ok := scratch.Get().(*[]float64); ok && cap(*s) >= n {
		return (*s)[:n]
	}
	return make([]float64, n)
}

func giveScratch(s []float64) { scratch.Put(&s) }

// EachRow calls f with every row of r, on all cores and so in no certain order.
// The row must neither be changed nor kept.
func EachRow(r Rows, f func(i int, row []float64) error) error {
	n, k := r.Shape()
	if err := checkDimensions(n, k); err != nil {
		return err
	}
	return eachBlock(r, partsOf(n, 0), func(_, from int, block []float64) error {
		for at := 0; at < len(block); at += k {
			if err := f(from+at/k, block[at:at+k:at+k]); err != nil {
				return err
			}
		}
		return nil
	})
}
