//go:build gpu

package nvidia

// #include "shim.h"
import "C"

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
)

// shape is what the way of computing a product depends on.
type shape struct {
	m, n, k, lda, ldb, ldc int64
	transA, transB         bool
	kind, result           cuda.Kind
	bias, add              bool
}

// plan is how products of a shape are computed.
type plan struct {
	engine.ProductPlan
	plan *C.Plan
}

// mostConfig is the room for the text of an algorithm.
const mostConfig = 128

// notSupported is cuBLAS's status for a product that it has no way to compute.
const notSupported = 15

func product(p cuda.Product) C.Product {
	flag := func(b bool) C.int32_t {
		if b {
			return 1
		}
		return 0
	}
	return C.Product{
		a: C.uint64_t(p.A), b: C.uint64_t(p.B), c: C.uint64_t(p.C), d: C.uint64_t(p.D), bias: C.uint64_t(p.Bias),
		m: C.int64_t(p.M), n: C.int64_t(p.N), k: C.int64_t(p.K),
		lda: C.int64_t(p.LDA), ldb: C.int64_t(p.LDB), ldc: C.int64_t(p.LDC),
		trans_a: flag(p.TransA), trans_b: flag(p.TransB), kind: C.int32_t(p.Kind), result: C.int32_t(p.Result),
		alpha: C.float(p.Alpha), beta: C.float(p.Beta),
	}
}

// Product queues a product by cuBLAS.
func (d *driver) Product(p cuda.Product) error {
	c := product(p)
	way, err := d.plan(p, &c)
	if err != nil {
		return err
	}
	way.Runs++
	if status := C.blas_run(d.contextHandle(), way.plan, &c, C.uint64_t(d.workspace), workspaceBytes,
		d.streamHandle()); status != 0 {
		return blasError(int(status))
	}
	return nil
}

// plan returns the way of computing p, chosen when its shape first comes.
func (d *driver) plan(p cuda.Product, c *C.Product) (*plan, error) {
	s := shape{p.M, p.N, p.K, p.LDA, p.LDB, p.LDC, p.TransA, p.TransB, p.Kind, p.Result, p.Bias != 0, p.Beta != 0}
	if way, ok := d.plans[s]; ok {
		return way, nil
	}
	name := p.Shape(d.info.Capability)
	want, got := make([]byte, mostConfig), make([]byte, mostConfig)
	copy(want[:mostConfig-1], d.tuned[name])
	way := &plan{ProductPlan: engine.ProductPlan{Shape: name}}
	status := C.blas_plan(d.contextHandle(), d.blas, c, workspaceBytes, text(want), text(got), mostConfig, &way.plan)
	switch {
	case status == notSupported && p.Bias != 0:
		return nil, fmt.Errorf("%w: %w", cuda.ErrNoBias, blasError(int(status)))
	case status != 0:
		return nil, blasError(int(status))
	}
	way.Algorithm = C.GoString(text(got))
	way.Tuned = way.Algorithm == d.tuned[name]
	d.plans[s] = way
	return way, nil
}

func text(b []byte) *C.char { return (*C.char)(unsafe.Pointer(&b[0])) }

// Plans lists the shapes that were multiplied, by name.
func (d *driver) Plans() []engine.ProductPlan {
	var out []engine.ProductPlan
	for _, p := range d.plans {
		out = append(out, p.ProductPlan)
	}
	slices.SortFunc(out, func(a, b engine.ProductPlan) int { return cmp.Compare(a.Shape, b.Shape) })
	return out
}

func blasError(status int) error { return fmt.Errorf("cuBLAS reports status %d", status) }
