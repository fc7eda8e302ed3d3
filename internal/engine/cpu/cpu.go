// Package cpu is the engine that runs on the processor: pure Go with assembly
// micro-kernels, in float32 and in bfloat16.
//
// Every kernel cuts its work by the shapes and the number of threads alone,
// whatever the load, so the same inputs give the same bytes.
package cpu

//go:generate go run ./neon

import (
	"encoding/binary"
	"fmt"
	"runtime"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/parallel"
	"clipcalib/internal/engine/cpu/sgemm"

	"gorgonia.org/tensor"
)

// Options chooses how an engine computes. The zero value is float32 on all
// processors.
type Options struct {
	Threads int  // goroutines of a kernel; 0 is runtime.GOMAXPROCS
	BF16    bool // multiply by frozen weights, and by weights in mixed training, in bfloat16
}

// Engine implements engine.Engine in host memory.
type Engine struct {
	tensor.StdEng
	share   *parallel.Share
	bf16    bool
	frozen  map[*tensor.Dense]*frozen
	narrow  map[*tensor.Dense]bool // weights in training whose products round both factors
	givenUp int                    // bytes of float32 values of frozen matrices, see packed
}

var (
	_ engine.Engine = (*Engine)(nil)
	_ engine.Writer = (*Engine)(nil)
)

// New returns an engine. It is used from one goroutine at a time.
func New(o Options) (*Engine, error) {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	return newEngine(parallel.NewShare(o.Threads), o.BF16), nil
}

func newEngine(s *parallel.Share, bf16 bool) *Engine {
	return &Engine{share: s, bf16: bf16, frozen: map[*tensor.Dense]*frozen{}, narrow: map[*tensor.Dense]bool{}}
}

// threads is how many goroutines a kernel that begins now is cut into.
func (e *Engine) threads() int { return e.share.Each() }

// Name says what runs, as in "cpu: pure Go (avx512bf16), 2 threads, bf16".
func (e *Engine) Name() string {
	by := "pure Go (" + sgemm.Kernel() + ")"
	switch {
	case e.bf16 && bgemm.Native():
		by = "pure Go (" + bgemm.Kernel() + ")"
	case e.bf16:
		by = "pure Go (bf16 weights by " + bgemm.Kernel() + ")"
	}
	threads := "threads"
	if e.share.All() == 1 {
		threads = "thread"
	}
	return fmt.Sprintf("cpu: %s, %d %s, %s", by, e.share.All(), threads, e.Precision())
}

// Precision is the form in which products by frozen weights are multiplied.
func (e *Engine) Precision() string {
	if e.bf16 {
		return "bf16"
	}
	return "fp32"
}

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
	if buf.Dtype() == tensor.Int32 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(i32(buf)[:n:n]), tensor.WithEngine(e))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f32(buf)[:n:n]), tensor.WithEngine(e))
}

// Release forgets t; the garbage collector takes the memory.
func (e *Engine) Release(t *tensor.Dense) { e.thaw(t) }

// Upload copies src to dst.
func (e *Engine) Upload(dst *tensor.Dense, src any) error {
	switch s := src.(type) {
	case []float32:
		if d, ok := dst.Data().([]float32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
		return fmt.Errorf("cannot put %d float32 values into a tensor of %v %v", len(s), dst.Shape(), dst.Dtype())
	case []int32:
		if d, ok := dst.Data().([]int32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
		return fmt.Errorf("cannot put %d int32 values into a tensor of %v %v", len(s), dst.Shape(), dst.Dtype())
	case []byte:
		if d, ok := dst.Data().([]int32); ok && 4*len(d) == len(s) {
			for i := range d {
				d[i] = int32(binary.LittleEndian.Uint32(s[4*i:]))
			}
			return nil
		}
		return fmt.Errorf("cannot put %d bytes into a tensor of %v %v", len(s), dst.Shape(), dst.Dtype())
	}
	return fmt.Errorf("cannot put a %T into a tensor", src)
}

// Write lets fill set dst where it lies.
func (e *Engine) Write(dst *tensor.Dense, fill func(to []float32, at int) error) error {
	d := f32(dst)
	if d == nil {
		return fmt.Errorf("cannot put float32 values into a tensor of %v %v", dst.Shape(), dst.Dtype())
	}
	return fill(d, 0)
}

// Download copies src to dst. Of a frozen matrix that was multiplied by in
// bfloat16 the values come as they were rounded.
func (e *Engine) Download(dst any, src *tensor.Dense) error {
	switch d := dst.(type) {
	case []float32:
		if s, ok := src.Data().([]float32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
		if len(d) == elements(src) && e.unpack(d, src) {
			return nil
		}
		return fmt.Errorf("cannot read a tensor of %v %v into %d float32 values", src.Shape(), src.Dtype(), len(d))
	case []int32:
		if s, ok := src.Data().([]int32); ok && len(d) == len(s) {
			copy(d, s)
			return nil
		}
		return fmt.Errorf("cannot read a tensor of %v %v into %d int32 values", src.Shape(), src.Dtype(), len(d))
	}
	return fmt.Errorf("cannot read a tensor into a %T", dst)
}

// Sync does nothing: every kernel is done when it returns.
func (e *Engine) Sync() error { return nil }

// Close gives up the packed weights.
func (e *Engine) Close() error {
	clear(e.frozen)
	clear(e.narrow)
	return nil
}

// each runs body over parts of n indices, with at least grain in a part.
func (e *Engine) each(n, grain int, body func(lo, hi int)) {
	parallel.For(e.threads(), n, grain, func(_, lo, hi int) { body(lo, hi) })
}

// elements runs body over parts of n elements of a cheap loop.
func (e *Engine) elements(n int, body func(lo, hi int)) { e.each(n, 1<<15, body) }

// rows runs body over parts of m rows of n elements.
func (e *Engine) rows(m, n int, body func(lo, hi int)) { e.each(m, 1+(1<<15)/(n+1), body) }
