package testtime

import (
	"runtime"
	"sync"
)

// leastRows is how many rows are worth a goroutine of their own.
const leastRows = 16

// eachRow calls f for every row, on all cores. What f computes must depend on
// its row alone.
func eachRow(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+leastRows-1)/leastRows)
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
