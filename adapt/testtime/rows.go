package testtime

import (
	"runtime"
	"sync"
)

// leastRows is how many rows are worth a goroutine of their own.
const leastRows = 16

// eachRow calls f for every row, on all cores. What f computes must depend on
// its row alone.
func eachRow(n int, f func(i int)) { each(n, leastRows, f) }

// each calls f for 0 to n-1, on all cores, at least least of them on one.
func each(n, least int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+least-1)/least)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				f(i)
			}
		})
	}
	all.Wait()
}
