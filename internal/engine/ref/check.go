package ref

import (
	"fmt"

	"gorgonia.org/tensor"
)

func width(t *tensor.Dense) int {
	_, n := dims(t)
	return n
}

func size(t *tensor.Dense) int { return t.Shape().TotalSize() }

// sized names a tensor and the float32 values it must hold.
type sized struct {
	name string
	t    *tensor.Dense
	n    int
}

// want returns an error for the first tensor that does not hold its values.
func want(list ...sized) error {
	for _, s := range list {
		if s.t == nil {
			return fmt.Errorf("%s is missing", s.name)
		}
		if d, ok := s.t.Data().([]float32); !ok || len(d) != s.n {
			return fmt.Errorf("%s of %v %v does not hold %d float32 values", s.name, s.t.Shape(), s.t.Dtype(), s.n)
		}
	}
	return nil
}

// wantIf is want for tensors that may be nil.
func wantIf(list ...sized) error {
	for _, s := range list {
		if s.t == nil {
			continue
		}
		if err := want(s); err != nil {
			return err
		}
	}
	return nil
}

func wantInts(name string, t *tensor.Dense, n int) error {
	if t == nil {
		return fmt.Errorf("%s is missing", name)
	}
	if d, ok := t.Data().([]int32); !ok || len(d) != n {
		return fmt.Errorf("%s of %v %v does not hold %d int32 values", name, t.Shape(), t.Dtype(), n)
	}
	return nil
}

// wantRows checks n indices of rows of a table; negative ones are none.
func wantRows(idx *tensor.Dense, n, rows int) error {
	if err := wantInts("indices", idx, n); err != nil {
		return err
	}
	for i, r := range i32(idx) {
		if int(r) >= rows {
			return fmt.Errorf("index %d at place %d is beyond the %d rows", r, i, rows)
		}
	}
	return nil
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
