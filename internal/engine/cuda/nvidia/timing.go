//go:build gpu

package nvidia

// #include "shim.h"
import "C"

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
	"unsafe"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
)

// Tune times the ways of computing each shape that was multiplied, on memory of
// its own, and returns the lines for the table of algorithms.
func (d *driver) Tune(runs int) ([]string, error) {
	var lines []string
	for _, s := range d.shapes() {
		p, free, err := d.operands(s)
		if err == nil {
			var best string
			if best, err = d.tune(p, runs); err == nil {
				lines = append(lines, d.plans[s].Shape+" "+best)
			}
			free()
		}
		if err != nil {
			return lines, fmt.Errorf("%s: %w", d.plans[s].Shape, err)
		}
	}
	return lines, nil
}

func (d *driver) tune(p cuda.Product, runs int) (string, error) {
	c, got := product(p), make([]byte, mostConfig)
	status := C.blas_tune(d.contextHandle(), d.blas, &c, C.uint64_t(d.workspace), workspaceBytes, d.streamHandle(),
		C.int(runs), text(got), mostConfig)
	if status != 0 {
		return "", blasError(int(status))
	}
	return C.GoString(text(got)), nil
}

// shapes lists what was multiplied, by name.
func (d *driver) shapes() []shape {
	return slices.SortedFunc(maps.Keys(d.plans), func(a, b shape) int {
		return cmp.Compare(d.plans[a].Shape, d.plans[b].Shape)
	})
}

// timedGroups is how many groups of runs the median is of.
const timedGroups = 5

// TimeProducts measures each shape that was multiplied in the way that was
// chosen for it. Shapes whose operands find no memory are left out, named in an
// error beside the others.
func (d *driver) TimeProducts(ctx context.Context, budget time.Duration) (out []engine.TimedProduct, err error) {
	shapes := d.shapes()
	each := budget / time.Duration(max(1, len(shapes)))
	for _, s := range shapes {
		if failed := ctx.Err(); failed != nil {
			return out, failed
		}
		t, failed := d.timeProduct(s, each)
		switch {
		case errors.Is(failed, cuda.ErrNoMemory):
			err = errors.Join(err, fmt.Errorf("%s: %w", d.plans[s].Shape, failed))
		case failed != nil:
			return out, fmt.Errorf("%s: %w", d.plans[s].Shape, failed)
		default:
			out = append(out, t)
		}
	}
	return out, err
}

func (d *driver) timeProduct(s shape, budget time.Duration) (engine.TimedProduct, error) {
	way := d.plans[s]
	out := engine.TimedProduct{Shape: way.Shape, Algorithm: way.Algorithm,
		FLOP: 2 * float64(s.m) * float64(s.n) * float64(s.k)}
	p, free, err := d.operands(s)
	if err != nil {
		return out, err
	}
	defer free()
	c := product(p)
	run := func(n int) (float64, error) {
		begun := time.Now()
		for range n {
			if status := C.blas_run(d.contextHandle(), way.plan, &c, C.uint64_t(d.workspace), workspaceBytes,
				d.streamHandle()); status != 0 {
				return 0, blasError(int(status))
			}
		}
		err := d.Sync()
		return max(time.Since(begun).Seconds(), 1e-9) / float64(n), err
	}
	if _, err := run(1); err != nil {
		return out, err
	}
	once, err := run(1)
	if err != nil {
		return out, err
	}
	n := max(1, int(budget.Seconds()/timedGroups/once))
	if n > 1 { // the first ones pay for the wait
		if once, err = run(min(n, 20)); err != nil {
			return out, err
		}
		n = max(1, int(budget.Seconds()/timedGroups/once))
	}
	var times []float64
	for range timedGroups {
		t, err := run(n)
		if err != nil {
			return out, err
		}
		times = append(times, t)
		out.Runs += n
	}
	slices.Sort(times)
	out.Seconds = times[len(times)/2]
	return out, nil
}

// operands makes a product of a shape on random values: constants would let
// some GPUs clock higher.
func (d *driver) operands(s shape) (p cuda.Product, free func(), err error) {
	var held []cuda.Ptr
	free = func() {
		for _, at := range held {
			_ = d.Free(at)
		}
	}
	columns := func(transposed bool, k, n int64) int64 {
		if transposed {
			return n
		}
		return k
	}
	p = cuda.Product{M: s.m, N: s.n, K: s.k, LDA: s.lda, LDB: s.ldb, LDC: s.ldc, TransA: s.transA, TransB: s.transB,
		Kind: s.kind, Result: s.result, Alpha: 1}
	for _, m := range []struct {
		at      *cuda.Ptr
		ld, n   int64
		kind    cuda.Kind
		without bool
	}{{&p.A, s.lda, columns(s.transA, s.k, s.m), s.kind, false}, {&p.B, s.ldb, columns(s.transB, s.n, s.k), s.kind,
		false},
		{&p.D, s.ldc, s.n, s.result, false}, {&p.Bias, s.m, 1, s.result, !s.bias}} {
		if m.without {
			continue
		}
		size := 4 * m.ld * m.n
		if *m.at, err = d.Alloc(size); err == nil {
			held = append(held, *m.at)
			err = d.scatter(*m.at, size, m.kind)
		}
		if err != nil {
			free()
			return p, nil, err
		}
	}
	if p.C = p.D; s.add {
		p.Beta = 1
	}
	return p, free, nil
}

// scatter fills memory with values of a kind between -1 and 1.
func (d *driver) scatter(to cuda.Ptr, size int64, kind cuda.Kind) error {
	const most = 1 << 20
	b, err := d.AllocPinned(int(min(size, most)))
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := 0; i+4 <= len(b); i += 4 {
		word := random.Uint32()
		// Signs and fractions are random, exponents those of 0.5 to 1.
		switch kind {
		case cuda.BFloat:
			word = word&0x807f807f | 0x3f003f00
		case cuda.Half:
			word = word&0x83ff83ff | 0x38003800
		default:
			word = word&0x807fffff | 0x3f000000
		}
		*(*uint32)(unsafe.Pointer(&b[i])) = word
	}
	for at := int64(0); at < size && err == nil; at += int64(len(b)) {
		err = d.CopyIn(cuda.Main, to+cuda.Ptr(at), b[:min(int64(len(b)), size-at)])
	}
	return errors.Join(err, d.Sync(), d.FreePinned(b))
}
