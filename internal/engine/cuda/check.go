package cuda

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// dims returns rows and columns; a vector is one row.
func dims(t *tensor.Dense) (int, int) {
	if t == nil {
		return 0, 0
	}
	s := t.Shape()
	if len(s) == 0 {
		return 1, 1
	}
	n := s[len(s)-1]
	return s.TotalSize() / n, n
}

func size(t *tensor.Dense) int {
	m, n := dims(t)
	return m * n
}

// sized names a tensor and the values it must hold.
type sized struct {
	name string
	t    *tensor.Dense
	n    int
}

// want reports the first of the tensors that does not hold its number of
// float32 values.
func want(list ...sized) error { return wantOf(tensor.Float32, list) }

// wantInts is want for int32 values.
func wantInts(list ...sized) error { return wantOf(tensor.Int32, list) }

func wantOf(dt tensor.Dtype, list []sized) error {
	for _, s := range list {
		switch {
		case s.t == nil:
			return fmt.Errorf("%s is missing", s.name)
		case s.t.Dtype() != dt || size(s.t) != s.n:
			return fmt.Errorf("%s of %v %v has %d values, want %d of %v", s.name, s.t.Shape(), s.t.Dtype(), size(s.t), s.n, dt)
		case s.n > math.MaxInt32*int(blockThreads):
			return fmt.Errorf("%s of %v is too large for a kernel", s.name, s.t.Shape())
		}
	}
	return nil
}

// wantIf is want for a tensor that may be nil.
func wantIf(name string, t *tensor.Dense, n int) error {
	if t == nil {
		return nil
	}
	return want(sized{name, t, n})
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
