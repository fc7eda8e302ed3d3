//go:build gpu

package nvidia

// #include "shim.h"
import "C"

import (
	"cmp"
	"fmt"
	"maps"
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

// Tune times the ways of computing each shape that was multiplied, on memory of
// its own, and returns the lines for the table of algorithms.
func (d *driver) Tune(runs int) ([]string, error) {
	var lines []string
	for _, s := range slices.SortedFunc(maps.Keys(d.plans), func(a, b shape) int {
		return cmp.Compare(d.plans[a].Shape, d.plans[b].Shape)
	}) {
		best, err := d.tune(s, runs)
		if err != nil {
			return lines, fmt.Errorf("%s: %w", d.plans[s].Shape, err)
		}
		lines = append(lines, d.plans[s].Shape+" "+best)
	}
	return lines, nil
}

func (d *driver) tune(s shape, runs int) (string, error) {
	columns := func(transposed bool, k, n int64) int64 {
		if transposed {
			return n
		}
		return k
	}
	var held []cuda.Ptr
	defer func() {
		for _, p := range held {
			_ = d.Free(p)
		}
	}()
	alloc := func(ld, columns int64) (cuda.Ptr, error) {
		p, err := d.Alloc(4 * ld * columns)
		if err == nil {
			held = append(held, p)
			err = d.Fill(p, 0, ld*columns)
		}
		return p, err
	}
	p := cuda.Product{M: s.m, N: s.n, K: s.k, LDA: s.lda, LDB: s.ldb, LDC: s.ldc, TransA: s.transA, TransB: s.transB,
		Kind: s.kind, Result: s.result, Alpha: 1}
	var err error
	for _, m := range []struct {
		p       *cuda.Ptr
		ld, n   int64
		without bool
	}{{&p.A, s.lda, columns(s.transA, s.k, s.m), false}, {&p.B, s.ldb, columns(s.transB, s.n, s.k), false},
		{&p.D, s.ldc, s.n, false}, {&p.Bias, s.m, 1, !s.bias}} {
		if m.without {
			continue
		}
		if *m.p, err = alloc(m.ld, m.n); err != nil {
			return "", err
		}
	}
	if p.C = p.D; s.add {
		p.Beta = 1
	}
	c, got := product(p), make([]byte, mostConfig)
	status := C.blas_tune(d.contextHandle(), d.blas, &c, C.uint64_t(d.workspace), workspaceBytes, d.streamHandle(), C.int(runs),
		text(got), mostConfig)
	if status != 0 {
		return "", blasError(int(status))
	}
	return C.GoString(text(got)), nil
}

func blasError(status int) error { return fmt.Errorf("cuBLAS reports status %d", status) }
