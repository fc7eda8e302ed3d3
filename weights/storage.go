package weights

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
)

const (
	// maxElements bounds a storage: 2^40 elements are beyond any checkpoint
	// and keep byte counts far from overflow.
	maxElements = 1 << 40
	// maxExpanded bounds tensors that repeat a storage through zero strides,
	// which could otherwise be larger than any file.
	maxExpanded = 1 << 24
	maxRank     = 16
)

// payload is where the bytes of a storage lie.
type payload interface {
	// bytes returns n bytes at off within the payload.
	bytes(off, n int64) ([]byte, error)
	// done says that those bytes are not needed again soon.
	done(off, n int64)
	size() int64
}

// region is a payload that lies raw in the file.
type region struct {
	src    *source
	off, n int64
	verify func() error // checks the whole region, or nil
	once   *sync.Once
	err    error
}

func (r *region) size() int64 { return r.n }

func (r *region) done(off, n int64) { r.src.done(r.off+off, n) }

func (r *region) bytes(off, n int64) ([]byte, error) {
	if r.verify != nil {
		r.once.Do(func() { r.err = r.verify() })
		if r.err != nil {
			return nil, r.err
		}
	}
	if off < 0 || n < 0 || off > r.n || n > r.n-off {
		return nil, errors.New("tensor reaches outside its storage")
	}
	return r.src.bytes(r.off+off, n)
}

// storage is a typed run of elements that tensors are windows of.
type storage struct {
	key   string
	dtype DType
	numel int64
	data  payload
}

// retyped views the bytes of an untyped storage as elements of type d.
func (s *storage) retyped(d DType) *storage {
	return &storage{key: s.key, dtype: d, numel: s.numel * int64(s.dtype.Size()) / int64(d.Size()), data: s.data}
}

// elements counts the elements of a shape, or fails on a negative size or a
// product that cannot be true.
func elements(shape []int64) (int64, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d dimensions are more than %d", len(shape), maxRank)
	}
	n := uint64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("negative size in shape %v", shape)
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > maxElements || uint64(int(lo)) != lo {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
		n = lo
	}
	return int64(n), nil
}

// check makes sure every element of t lies inside its storage.
func (t *strided) check() error {
	if len(t.shape) != len(t.strides) {
		return fmt.Errorf("shape %v and strides %v differ in length", t.shape, t.strides)
	}
	n, err := elements(t.shape)
	if err != nil {
		return err
	}
	if t.offset < 0 || t.offset > t.storage.numel {
		return fmt.Errorf("offset %d is outside %d elements", t.offset, t.storage.numel)
	}
	if n == 0 {
		return nil
	}
	last := uint64(t.offset)
	for i, d := range t.shape {
		s := t.strides[i]
		if s < 0 {
			return fmt.Errorf("negative stride in %v", t.strides)
		}
		hi, lo := bits.Mul64(uint64(d-1), uint64(s))
		if hi != 0 || lo > maxElements {
			return fmt.Errorf("strides %v are too large", t.strides)
		}
		last += lo
	}
	if last >= uint64(t.storage.numel) {
		return fmt.Errorf("shape %v with strides %v at offset %d needs %d elements, the storage has %d",
			t.shape, t.strides, t.offset, last+1, t.storage.numel)
	}
	if n > t.storage.numel && n > maxExpanded {
		return fmt.Errorf("shape %v repeats a storage of %d elements too often", t.shape, t.storage.numel)
	}
	return nil
}

// contiguous reports whether the elements lie in row-major order without gaps.
func (t *strided) contiguous() bool {
	want := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.strides[i] != want {
			return false
		}
		want *= t.shape[i]
	}
	return true
}

// rowMajor gives the strides of a contiguous tensor.
func rowMajor(shape []int64) []int64 {
	strides := make([]int64, len(shape))
	step := int64(1)
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	return strides
}
