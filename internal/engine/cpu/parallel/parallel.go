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

// Grid calls body for the parts of a matrix of tiles, rows x cols of them, cut
// among at most threads threads, as For does for ranges. What a part costs is a
// unit for each two tiles and another for each row of tiles, which it packs: cut
// by rows alone, 64 threads would wait for the one with three rows of 132.
func Grid(threads, rows, cols int, body func(top, bottom, left, right int)) {
	if rows <= 0 || cols <= 0 {
		return
	}
	down, across := cuts(threads, rows, cols)
	For(down*across, down*across, 1, func(part, _, _ int) {
		top, bottom := Range(rows, down, part/across)
		left, right := Range(cols, across, part%across)
		body(top, bottom, left, right)
	})
}

// cuts returns into how many parts Grid cuts rows and columns: the cut whose
// largest part is the cheapest, and of those the one of fewest columns.
func cuts(threads, rows, cols int) (down, across int) {
	best := 0
	for c := 1; c <= min(max(threads, 1), cols); c++ {
		d := min(max(threads, 1)/c, rows)
		cost := ceilDiv(rows, d) * (2*ceilDiv(cols, c) + 1)
		if c == 1 || cost < best {
			best, down, across = cost, d, c
		}
	}
	return down, across
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
