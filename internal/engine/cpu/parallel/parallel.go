// Package parallel splits index ranges over a fixed number of goroutines.
//
// The split depends only on the length of the range and the number of
// threads, never on load, so a kernel that writes disjoint parts gives the
// same bytes on every run.
package parallel

import (
	"sync"
	"sync/atomic"

	"clipcalib/internal/caught"
)

// Range returns the half-open part i of n indices cut into parts nearly equal
// pieces. The pieces are contiguous, ordered and differ by at most one.
func Range(n, parts, i int) (lo, hi int) {
	q, r := n/parts, n%parts
	lo = i*q + min(i, r)
	hi = lo + q
	if i < r {
		hi++
	}
	return lo, hi
}

// For calls body(part, lo, hi) for each non-empty part of [0, n) cut into at
// most threads parts, concurrently, and returns when all are done. Parts hold
// at least grain indices each (grain < 1 counts as 1), so that small ranges do
// not pay for goroutines. The last part runs on the calling goroutine, where a
// panic of any part is raised when all have ended.
func For(threads, n, grain int, body func(part, lo, hi int)) {
	if n <= 0 {
		return
	}
	parts := Parts(threads, n, grain)
	if parts == 1 {
		body(0, 0, n)
		return
	}
	var wg sync.WaitGroup
	var failed atomic.Pointer[caught.Panic]
	wg.Add(parts - 1)
	for p := 0; p < parts-1; p++ {
		go func() {
			defer wg.Done()
			defer func() {
				if r := recover(); r != nil {
					failed.CompareAndSwap(nil, caught.From(r))
				}
			}()
			lo, hi := Range(n, parts, p)
			body(p, lo, hi)
		}()
	}
	func() {
		defer wg.Wait()
		lo, hi := Range(n, parts, parts-1)
		body(parts-1, lo, hi)
	}()
	if p := failed.Load(); p != nil {
		panic(p)
	}
}

// Parts returns how many parts For cuts n indices into, at least 1.
func Parts(threads, n, grain int) int {
	return max(1, min(threads, n/max(grain, 1)))
}
