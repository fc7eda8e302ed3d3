package calib

import (
	"runtime"

	"clipcalib/internal/caught"

	"golang.org/x/sync/errgroup"
)

// blockValues is how many logits are read at once: they and what is made of
// them stay in a core's cache.
const blockValues = 1 << 15

// maxParts is into how many parts rows are divided at most. Sums are made per
// part and added in the order of the parts, so that no result depends on the
// number of cores.
const maxParts = 8

// partsOf is the number of parts for n rows whose accumulators hold so many
// values each.
func partsOf(n, accumulator int) int {
	parts := maxParts
	const most = 1 << 23 // values in all accumulators
	if accumulator > 0 {
		parts = min(parts, max(1, most/accumulator))
	}
	return max(1, min(parts, n))
}

// eachBlock calls f with the rows of r, part by part in parallel; within a
// part the calls are in the order of the rows. A block must not be kept.
func eachBlock(r Rows, parts int, f func(part, from int, block []float64) error) error {
	n, k := r.Shape()
	m, inMemory := r.(Matrix)
	step := max(1, blockValues/max(1, k))
	return inParallel(parts, func(part int) error {
		first, end := part*n/parts, (part+1)*n/parts
		var buf []float64
		if !inMemory {
			buf = make([]float64, min(step, end-first)*k)
		}
		for from := first; from < end; from += step {
			rows := min(step, end-from)
			if inMemory {
				if err := f(part, from, m.Data[from*k:(from+rows)*k]); err != nil {
					return err
				}
				continue
			}
			block := buf[:rows*k]
			if err := r.ReadRows(block, from); err != nil {
				return err
			}
			if err := f(part, from, block); err != nil {
				return err
			}
		}
		return nil
	})
}

// inParallel calls f for 0 to n-1 on all cores. The error is that of the
// lowest index, so that it is the same each time.
func inParallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error {
			errs[i] = caught.Call(func() error { return f(i) })
			return nil
		})
	}
	g.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
