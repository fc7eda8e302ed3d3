package parallel

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"clipcalib/internal/caught"
)

func TestRangeCoversInOrder(t *testing.T) {
	for n := 0; n < 40; n++ {
		for parts := 1; parts < 9; parts++ {
			next := 0
			for i := 0; i < parts; i++ {
				lo, hi := Range(n, parts, i)
				if lo != next || hi < lo || hi-lo > n/parts+1 {
					t.Fatalf("Range(%d, %d, %d) = %d, %d; want start %d", n, parts, i, lo, hi, next)
				}
				next = hi
			}
			if next != n {
				t.Fatalf("n=%d parts=%d ends at %d", n, parts, next)
			}
		}
	}
}

func TestForVisitsEachIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 100} {
		for _, threads := range []int{0, 1, 2, 5, 200} {
			for _, grain := range []int{0, 1, 10} {
				var mu sync.Mutex
				seen := make([]int, n)
				For(threads, n, grain, func(_, lo, hi int) {
					mu.Lock()
					defer mu.Unlock()
					for i := lo; i < hi; i++ {
						seen[i]++
					}
				})
				for i, s := range seen {
					if s != 1 {
						t.Fatalf("n=%d threads=%d grain=%d: index %d visited %d times", n, threads, grain, i, s)
					}
				}
			}
		}
	}
}

// A panic of any part reaches the caller, when the others are done.
func TestForCarriesPanics(t *testing.T) {
	for bad := range 4 {
		var done atomic.Int32
		err := caught.Call(func() error {
			For(4, 4, 1, func(part, _, _ int) {
				if part == bad {
					panic("part")
				}
				done.Add(1)
			})
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "part") || done.Load() != 3 {
			t.Errorf("part %d: %v, %d others done", bad, err, done.Load())
		}
	}
}
