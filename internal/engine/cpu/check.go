package cpu

import (
	"fmt"

	"gorgonia.org/tensor"
)

// f32 returns the elements of t, nil for no tensor.
func f32(t *tensor.Dense) []float32 {
	if t == nil {
		return nil
	}
	switch d := t.Data().(type) {
	case []float32:
		return d
	default:
		return nil
	}
}

func i32(t *tensor.Dense) []int32 {
	if t == nil {
		return nil
	}
	d, _ := t.Data().([]int32)
	return d
}

// dims returns rows and columns; a vector is one row.
func dims(t *tensor.Dense) (int, int) {
	s := t.Shape()
	if len(s) == 0 {
		return 1, 1
	}
	n := s[len(s)-1]
	return s.TotalSize() / n, n
}

// want reports an error unless t holds n float32 values.
func want(name string, t *tensor.Dense, n int) error {
	if t == nil {
		return fmt.Errorf("%s is missing", name)
	}
	if d := f32(t); len(d) != n {
		return fmt.Errorf("%s of %v %v has %d float32 values, want %d", name, t.Shape(), t.Dtype(), len(d), n)
	}
	return nil
}

// wantInts reports an error unless t holds n int32 values.
func wantInts(name string, t *tensor.Dense, n int) error {
	if t == nil {
		return fmt.Errorf("%s is missing", name)
	}
	if d := i32(t); len(d) != n {
		return fmt.Errorf("%s of %v %v has %d int32 values, want %d", name, t.Shape(), t.Dtype(), len(d), n)
	}
	return nil
}

// sized names a tensor and the float32 values it must hold.
type sized struct {
	name string
	t    *tensor.Dense
	n    int
}

// wantAll returns the first error of want.
func wantAll(list ...sized) error {
	for _, s := range list {
		if err := want(s.name, s.t, s.n); err != nil {
			return err
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
