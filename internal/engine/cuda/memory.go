package cuda

import (
	"fmt"
	"unsafe"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// New allocates a zeroed tensor.
func (e *Engine) New(dt tensor.Dtype, shape ...int) (*tensor.Dense, error) {
	n := 1
	for _, d := range shape {
		if d <= 0 {
			return nil, fmt.Errorf("a tensor of shape %v is empty", shape)
		}
		if n > (1<<60)/d {
			return nil, fmt.Errorf("a tensor of shape %v is too large", shape)
		}
		n *= d
	}
	if dt != tensor.Float32 && dt != tensor.Int32 {
		return nil, fmt.Errorf("tensors are float32 or int32, not %v", dt)
	}
	p, err := e.pool.get(4 * int64(n))
	if err != nil {
		return nil, err
	}
	if err := e.d.Fill(p, 0, int64(n)); err != nil {
		return nil, err
	}
	return e.over(p, dt, shape), nil
}

// Reserve reports an error if less than bytes can be had, so that a graph whose
// need is known fails as a whole, before it has taken anything.
func (e *Engine) Reserve(bytes int64) error {
	if bytes > e.pool.available() {
		err := e.pool.exhausted(bytes)
		err.Whole = true
		return err
	}
	return nil
}

// over returns a tensor over device memory.
func (e *Engine) over(p Ptr, dt tensor.Dtype, shape []int) *tensor.Dense {
	size := int(dt.Size()) * tensor.Shape(shape).TotalSize()
	return tensor.New(tensor.Of(dt), tensor.WithShape(shape...), tensor.WithEngine(e),
		tensor.FromMemory(uintptr(p), uintptr(size)))
}

// View returns a tensor over the first elements of buf.
func (e *Engine) View(buf *tensor.Dense, shape ...int) *tensor.Dense {
	return e.over(address(buf), buf.Dtype(), shape)
}

// Release gives the memory of t back, and that of its 16-bit copy.
func (e *Engine) Release(t *tensor.Dense) {
	if t == nil || e.d == nil {
		return
	}
	e.thaw(t)
	e.drop(address(t))
}

// Upload queues a copy of src to dst. It returns as soon as src may change.
func (e *Engine) Upload(dst *tensor.Dense, src any) error {
	b, dt, n, err := raw(src)
	if err != nil {
		return fmt.Errorf("cannot put a %T into a tensor", src)
	}
	if dst.Dtype() != dt || dst.Shape().TotalSize() != n {
		return fmt.Errorf("cannot put %d %v values into a tensor of %v %v", n, dt, dst.Shape(), dst.Dtype())
	}
	if e.recording != nil {
		return errRecording
	}
	return e.staging.upload(address(dst), b)
}

var _ engine.Writer = (*Engine)(nil)

// Write queues the copy of what fill writes to pinned memory.
func (e *Engine) Write(dst *tensor.Dense, fill func(to []float32, at int) error) error {
	n := dst.Shape().TotalSize()
	if dst.Dtype() != tensor.Float32 {
		return fmt.Errorf("cannot put float32 values into a tensor of %v %v", dst.Shape(), dst.Dtype())
	}
	if e.recording != nil {
		return errRecording
	}
	return e.staging.write(address(dst), 4*n, func(b []byte, at int) error {
		return fill(unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4), at/4)
	})
}

// Download copies src to dst after all work queued before it, and reports what
// went wrong in that work.
func (e *Engine) Download(dst any, src *tensor.Dense) error {
	b, dt, n, err := raw(dst)
	if err != nil {
		return fmt.Errorf("cannot read a tensor into a %T", dst)
	}
	if src.Dtype() != dt || src.Shape().TotalSize() != n {
		return fmt.Errorf("cannot read a tensor of %v %v into %d %v values", src.Shape(), src.Dtype(), n, dt)
	}
	if e.recording != nil {
		return errRecording
	}
	if err := e.d.CopyOut(b, address(src)); err != nil {
		return err
	}
	return e.checkFault()
}

// Sync waits for all queued work and reports its first error.
func (e *Engine) Sync() error {
	if e.recording != nil {
		return errRecording
	}
	if err := e.d.Sync(); err != nil {
		return err
	}
	return e.checkFault()
}

// address returns where a tensor lies on the device, 0 for no tensor.
func address(t *tensor.Dense) Ptr {
	if t == nil {
		return 0
	}
	return Ptr(t.Uintptr())
}

// raw returns the bytes of a []float32, []int32 or []byte (four a 32-bit word)
// and its number of elements.
func raw(s any) (b []byte, dt tensor.Dtype, n int, err error) {
	switch s := s.(type) {
	case []float32:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 4*len(s)), tensor.Float32, len(s), nil
	case []int32:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 4*len(s)), tensor.Int32, len(s), nil
	case []byte:
		if len(s)%4 == 0 {
			return s, tensor.Int32, len(s) / 4, nil
		}
	}
	return nil, dt, 0, fmt.Errorf("%T", s)
}

// scratch returns n bytes that hold until the caller's work is queued: release
// hands them to later work.
func (e *Engine) scratch(n int64) (p Ptr, release func(), err error) {
	if e.recording != nil {
		return e.recording.scratch(n)
	}
	p, err = e.pool.get(n)
	return p, func() { e.drop(p) }, err
}

// drop gives memory back to the pool, once a recording that uses it ends.
func (e *Engine) drop(p Ptr) {
	if e.recording != nil {
		e.recording.holds = append(e.recording.holds, p)
		return
	}
	_ = e.pool.put(p) // a second release changes nothing
}
