package cuda

import (
	"fmt"
	"math"
	"slices"

	"clipcalib/internal/engine"

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
func want(list ...sized) error { return wantOf(list, tensor.Float32) }

// wantInts is want for int32 values.
func wantInts(list ...sized) error { return wantOf(list, tensor.Int32) }

// activations is want for values that may be stored in 16 bits.
func activations(list ...sized) error { return wantOf(list, tensor.Float32, engine.Float16) }

func wantOf(list []sized, types ...tensor.Dtype) error {
	for _, s := range list {
		switch {
		case s.t == nil:
			return fmt.Errorf("%s is missing", s.name)
		case !slices.Contains(types, s.t.Dtype()) || size(s.t) != s.n:
			return fmt.Errorf("%s of %v %v has %d values, want %d of %v", s.name, s.t.Shape(), s.t.Dtype(), size(s.t),
				s.n, types[0])
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
