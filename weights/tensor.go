package weights

import (
	"fmt"
	"slices"
)

// Tensor is one named array of a checkpoint. Its numbers stay in the file
// until one of the reading methods is called.
type Tensor struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar

	view *strided
}

func newTensor(name string, v *strided) *Tensor {
	t := &Tensor{Name: name, DType: v.storage.dtype, Shape: make([]int, len(v.shape)), view: v}
	for i, d := range v.shape {
		t.Shape[i] = int(d)
	}
	return t
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Float32 reads the tensor in row-major order, widened or rounded to float32.
func (t *Tensor) Float32() ([]float32, error) {
	dst := make([]float32, t.Len())
	if err := t.ReadInto(dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// ReadInto is Float32 into a slice of exactly Len elements.
func (t *Tensor) ReadInto(dst []float32) error {
	_, err := t.readInto(dst)
	return err
}

// readFinite is ReadInto for numbers that must be finite.
func (t *Tensor) readFinite(dst []float32) error {
	bad, err := t.readInto(dst)
	if err == nil && bad >= 0 {
		err = fmt.Errorf("number %d is %v: the weights are damaged, want finite numbers", bad, dst[bad])
	}
	return err
}

// readInto returns the index of the first number that is not finite, or -1.
func (t *Tensor) readInto(dst []float32) (bad int, err error) {
	if len(dst) != t.Len() {
		return -1, fmt.Errorf("tensor %s has %d elements, the slice %d", t.Name, t.Len(), len(dst))
	}
	bad = -1
	err = t.read(func(raw []byte, at int) {
		if i := toFloat32(dst[at:at+len(raw)/t.DType.Size()], raw, t.DType); i >= 0 && bad < 0 {
			bad = at + i
		}
	})
	return bad, err
}

// Int64 reads an integer or bool tensor in row-major order.
func (t *Tensor) Int64() ([]int64, error) {
	if t.DType.Float() {
		return nil, fmt.Errorf("tensor %s holds %s, want integers", t.Name, t.DType)
	}
	dst := make([]int64, t.Len())
	err := t.read(func(raw []byte, at int) {
		toInt64(dst[at:at+len(raw)/t.DType.Size()], raw, t.DType)
	})
	return dst, err
}

// read hands the tensor's bytes to put in row-major order, in one piece or
// several, each with the index of its first element.
func (t *Tensor) read(put func(raw []byte, at int)) error {
	if t.Len() == 0 {
		return nil
	}
	err := guard("read", func() error {
		v := t.view
		size := int64(t.DType.Size())
		if v.contiguous() {
			raw, err := v.storage.data.bytes(v.offset*size, int64(t.Len())*size)
			if err != nil {
				return err
			}
			put(raw, 0)
			v.storage.data.done(v.offset*size, int64(len(raw)))
			return nil
		}
		return v.gather(put)
	})
	if err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return nil
}

// gather reads a strided view row by row of its last dimension.
func (v *strided) gather(put func(raw []byte, at int)) error {
	size := int64(v.storage.dtype.Size())
	span := int64(1)
	for i, d := range v.shape {
		span += (d - 1) * v.strides[i]
	}
	raw, err := v.storage.data.bytes(v.offset*size, span*size)
	if err != nil {
		return err
	}
	last := len(v.shape) - 1
	cols, step := v.shape[last], v.strides[last]*size
	row := make([]byte, cols*size)
	index := make([]int64, last)
	for at := 0; ; at += int(cols) {
		from := int64(0)
		for i, x := range index {
			from += x * v.strides[i] * size
		}
		if step == size {
			put(raw[from:from+cols*size], at)
		} else {
			for j := range cols {
				copy(row[j*size:(j+1)*size], raw[from+j*step:])
			}
			put(row, at)
		}
		if !next(index, v.shape[:last]) {
			return nil
		}
	}
}

// next counts index up in row-major order and reports whether it still lies
// within shape.
func next(index, shape []int64) bool {
	for i := len(index) - 1; i >= 0; i-- {
		if index[i]++; index[i] < shape[i] {
			return true
		}
		index[i] = 0
	}
	return false
}

// String is the tensor's name, type and shape.
func (t *Tensor) String() string {
	return fmt.Sprintf("%s %s %s", t.Name, t.DType, shapeString(t.Shape))
}

func shapeString(shape []int) string {
	s := "["
	for i, d := range shape {
		if i > 0 {
			s += ", "
		}
		if d < 0 {
			s += "any"
			continue
		}
		s += fmt.Sprint(d)
	}
	return s + "]"
}

func sameShape(found, want []int) bool {
	return slices.EqualFunc(found, want, func(f, w int) bool { return w < 0 || f == w })
}
