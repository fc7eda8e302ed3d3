// Package ref is the engine the others are tested against: every kernel is the
// plain loop of its definition, with sums in float64. It is far too slow for
// real work.
package ref

import (
	"encoding/binary"
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Engine is the reference implementation of engine.Engine.
type Engine struct {
	tensor.StdEng
}

var _ engine.Engine = (*Engine)(nil)

// New returns a reference engine.
func New() *Engine { return &Engine{} }

// Name says what runs.
func (e *Engine) Name() string { return "reference: plain loops" }

// New allocates a zeroed tensor.
func (e *Engine) New(dt tensor.Dtype, shape ...int) (*tensor.Dense, error) {
	for _, d := range shape {
		if d <= 0 {
			return nil, fmt.Errorf("a tensor of shape %v is empty", shape)
		}
	}
	if dt != tensor.Float32 && dt != tensor.Int32 {
		return nil, fmt.Errorf("tensors are float32 or int32, not %v", dt)
	}
	return tensor.New(tensor.Of(dt), tensor.WithShape(shape...), tensor.WithEngine(e)), nil
}

// View returns a tensor over the first elements of buf.
func (e *Engine) View(buf *tensor.Dense, shape ...int) *tensor.Dense {
	n := tensor.Shape(shape).TotalSize()
	if d, ok := buf.Data().([]int32); ok {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(d[:n:n]), tensor.WithEngine(e))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f32(buf)[:n:n]), tensor.WithEngine(e))
}

// Release does nothing: the garbage collector frees.
func (e *Engine) Release(*tensor.Dense) {}

// Upload copies src to dst.
func (e *Engine) Upload(dst *tensor.Dense, src any) error {
	switch s := src.(type) {
	case []float32:
		if d, ok := dst.Data().([]float32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
	case []int32:
		if d, ok := dst.Data().([]int32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
	case []byte:
		if d, ok := dst.Data().([]int32); ok && 4*len(d) == len(s) {
			for i := range d {
				d[i] = int32(binary.LittleEndian.Uint32(s[4*i:]))
			}
			return nil
		}
	}
	return fmt.Errorf("cannot put a %T into a tensor of %v %v", src, dst.Shape(), dst.Dtype())
}

// Download copies src to dst.
func (e *Engine) Download(dst any, src *tensor.Dense) error {
	switch d := dst.(type) {
	case []float32:
		if s, ok := src.Data().([]float32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
	case []int32:
		if s, ok := src.Data().([]int32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
	}
	return fmt.Errorf("cannot read a tensor of %v %v into a %T", src.Shape(), src.Dtype(), dst)
}

// Freeze does nothing.
func (e *Engine) Freeze(*tensor.Dense) {}

// Sync does nothing: every kernel is done when it returns.
func (e *Engine) Sync() error { return nil }

// Close does nothing.
func (e *Engine) Close() error { return nil }

func f32(t *tensor.Dense) []float32 {
	if t == nil {
		return nil
	}
	switch d := t.Data().(type) {
	case []float32:
		return d
	case float32:
		panic("scalar tensor: use shape (1)")
	}
	panic(fmt.Sprintf("tensor of %v where float32 is wanted", t.Dtype()))
}

func i32(t *tensor.Dense) []int32 { return t.Data().([]int32) }

// dims returns rows and columns; a vector is one row.
func dims(t *tensor.Dense) (int, int) {
	s := t.Shape()
	n := s[len(s)-1]
	return s.TotalSize() / n, n
}
