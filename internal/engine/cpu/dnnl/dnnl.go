//go:build onednn

package dnnl

/*
#cgo LDFLAGS: -ldnnl -ldl -lpthread
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"clipcalib/internal/engine/cpu/parallel"
)

// Available reports whether this program was built with oneDNN.
func Available() bool { return true }

// Version returns the version of the library that is loaded, as in "2.6.3".
func Version() string {
	v := int(C.cc_version())
	return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100)
}

// HasBF16 reports whether the processor multiplies bfloat16 in hardware.
func HasBF16() bool { return C.cc_has_bf16() != 0 }

// Context runs products on a fixed number of threads and keeps what oneDNN
// compiled for their shapes. Its methods are called from one goroutine at a
// time.
type Context struct {
	threads    int
	primitives map[C.cc_product]*C.cc_primitive
	scratch    [][]uint64 // one for each thread
	narrow     [][]uint16
}

// maxPrimitives bounds the shapes kept; beyond it all are dropped and made
// again, from oneDNN's own cache if still there.
const maxPrimitives = 512

// New returns a context for the given number of threads.
func New(threads int) (*Context, error) {
	threads = max(threads, 1)
	return &Context{
		threads:    threads,
		primitives: map[C.cc_product]*C.cc_primitive{},
		scratch:    make([][]uint64, threads),
		narrow:     make([][]uint16, threads),
	}, nil
}

// Close frees what the context holds.
func (c *Context) Close() {
	for _, p := range c.primitives {
		C.cc_primitive_free(p)
	}
	clear(c.primitives)
}

func check(what string, p C.cc_product, status C.int) error {
	if status == 0 {
		return nil
	}
	return fmt.Errorf("oneDNN %s: %s of a %d x %d x %d product failed with status %d", Version(), what, p.m, p.n, p.k,
		status)
}

func (c *Context) primitive(p C.cc_product) (*C.cc_primitive, error) {
	if q := c.primitives[p]; q != nil {
		return q, nil
	}
	if len(c.primitives) >= maxPrimitives {
		c.Close()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.cc_one_thread()
	var q *C.cc_primitive
	if err := check("planning", p, C.cc_primitive_new(&p, &q)); err != nil {
		return nil, err
	}
	c.primitives[p] = q
	return q, nil
}

// Weights is a k x n matrix kept in the layout, and the type, that oneDNN
// multiplies fastest.
type Weights struct {
	k, n  int
	bf16  bool
	trans bool
	model *C.cc_primitive // the primitive whose layout data has
	data  unsafe.Pointer
}

// packRows is the number of rows of x for which the layout of weights is
// chosen; other numbers take the same layout in all versions tried.
const packRows = 256

// Pack copies w, stored [k, n] or [n, k] with trans, as float32 or bfloat16.
func (c *Context) Pack(w []float32, k, n int, trans, bf16 bool) (*Weights, error) {
	if len(w) < k*n || k < 1 || n < 1 {
		return nil, fmt.Errorf("oneDNN weights: %d values given for %d x %d", len(w), k, n)
	}
	p := C.cc_product{m: packRows, n: C.int64_t(n), k: C.int64_t(k), trans_w: flag(trans), packed: 1, bf16: flag(bf16),
		alpha: 1}
	W := &Weights{k: k, n: n, bf16: bf16, trans: trans}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.cc_one_thread()
	if err := check("planning", p, C.cc_primitive_new(&p, &W.model)); err != nil {
		return nil, err
	}
	if err := check("packing", p, C.cc_pack(W.model, (*C.float)(&w[0]), &W.data)); err != nil {
		C.cc_primitive_free(W.model)
		return nil, err
	}
	runtime.SetFinalizer(W, (*Weights).Close)
	return W, nil
}

// Bytes returns the memory the weights take.
func (w *Weights) Bytes() int { return int(C.cc_weight_bytes(w.model)) }

// Close frees the weights.
func (w *Weights) Close() {
	if w.data != nil {
		C.cc_free(w.data)
		C.cc_primitive_free(w.model)
		w.data, w.model = nil, nil
	}
}

// errLayout says that a shape wants another layout of its weights.
var errLayout = errors.New("oneDNN: the weights have another layout than this shape wants")

// Linear computes y = act(x*w + bias) + residual for x [m, k] and y [m, n].
// Bias [n] and residual [m, n] may be nil; residual may be y. With bfloat16
// weights x is rounded to bfloat16 too; sums, bias and y are float32.
func (c *Context) Linear(y, x []float32, m int, w *Weights, bias []float32, act Act, residual []float32) error {
	p := C.cc_product{n: C.int64_t(w.n), k: C.int64_t(w.k), trans_w: flag(w.trans), packed: 1, bf16: flag(w.bf16),
		bias: flag(bias != nil), act: C.int(act), residual: residualKind(residual, y), alpha: 1}
	return c.run(p, y, x, m, w, nil, bias, residual)
}

// Gemm computes y = act(alpha*op(x)*op(w) + bias) + residual on float32
// matrices without packing them beforehand. With a bias, alpha must be 1.
func (c *Context) Gemm(y, x, w []float32, m, n, k int, transX, transW bool, alpha float32, bias []float32, act Act,
	residual []float32) error {
	if bias != nil && alpha != 1 {
		return errors.New("oneDNN: a scaled product takes no bias")
	}
	p := C.cc_product{n: C.int64_t(n), k: C.int64_t(k), trans_x: flag(transX), trans_w: flag(transW),
		bias: flag(bias != nil), act: C.int(act), residual: residualKind(residual, y), alpha: C.float(alpha)}
	return c.run(p, y, x, m, nil, w, bias, residual)
}

// run gives each thread a share of the rows of y; with transposed x, whose
// rows are not contiguous, one thread does all.
func (c *Context) run(p C.cc_product, y, x []float32, m int, packed *Weights, w, bias, residual []float32) error {
	n, k := int(p.n), int(p.k)
	if m == 0 || n == 0 {
		return nil
	}
	if len(y) < m*n || len(x) < m*k || (packed == nil && len(w) < k*n) || (bias != nil && len(bias) < n) ||
		(residual != nil && len(residual) < m*n) {
		return fmt.Errorf("oneDNN: operands too short for a %d x %d x %d product", m, n, k)
	}
	parts := 1
	if p.trans_x == 0 {
		parts = parallel.Parts(c.threads, m, max(16, 1<<18/(n*k)))
	}
	prims := make([]*C.cc_primitive, parts)
	for i := range prims {
		lo, hi := parallel.Range(m, parts, i)
		p.m = C.int64_t(hi - lo)
		q, err := c.primitive(p)
		if err != nil {
			return err
		}
		if packed != nil && C.cc_primitive_fits(q, packed.model) == 0 {
			return errLayout
		}
		c.reserve(i, q, hi-lo, k)
		prims[i] = q
	}
	status := make([]C.int, parts)
	parallel.For(parts, m, 1, func(part, lo, hi int) {
		var wp unsafe.Pointer
		if packed != nil {
			wp = packed.data
		} else {
			wp = unsafe.Pointer(&w[0])
		}
		var r *C.float
		if residual != nil {
			r = (*C.float)(&residual[lo*n])
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		C.cc_one_thread()
		status[part] = C.cc_run(prims[part], (*C.float)(&x[lo*k]), wp, (*C.float)(unsafe.SliceData(bias)), r,
			(*C.float)(&y[lo*n]), (*C.uint16_t)(unsafe.SliceData(c.narrow[part])),
			unsafe.Pointer(unsafe.SliceData(c.scratch[part])))
	})
	runtime.KeepAlive(packed)
	for _, s := range status {
		if err := check("running", p, s); err != nil {
			return err
		}
	}
	return nil
}

// reserve makes room for what a thread's share needs.
func (c *Context) reserve(part int, q *C.cc_primitive, m, k int) {
	if n := (int(C.cc_scratch_bytes(q)) + 7) / 8; len(c.scratch[part]) < n {
		c.scratch[part] = make([]uint64, n)
	}
	if len(c.narrow[part]) < m*k {
		c.narrow[part] = make([]uint16, m*k)
	}
}

func residualKind(residual, y []float32) C.int {
	switch {
	case residual == nil:
		return 0
	case unsafe.SliceData(residual) == unsafe.SliceData(y):
		return 1
	}
	return 2
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
