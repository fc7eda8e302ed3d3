package parallel

import (
	"fmt"
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

// TestGridVisitsEachTileOnce also holds how evenly the products of CLIP's towers
// are cut: tiles of 12 x 32.
func TestGridVisitsEachTileOnce(t *testing.T) {
	for _, threads := range []int{-1, 1, 2, 3, 5, 8, 64} {
		for _, size := range [][2]int{{0, 3}, {1, 1}, {1, 40}, {40, 1}, {7, 11}, {132, 24}} {
			var mu sync.Mutex
			seen := map[[2]int]int{}
			parts := 0
			Grid(threads, size[0], size[1], func(top, bottom, left, right int) {
				mu.Lock()
				defer mu.Unlock()
				parts++
				for i := top; i < bottom; i++ {
					for j := left; j < right; j++ {
						seen[[2]int{i, j}]++
					}
				}
			})
			for at, n := range seen {
				if n != 1 {
					t.Fatalf("%d threads, %v: tile %v visited %d times", threads, size, at, n)
				}
			}
			if len(seen) != size[0]*size[1] || parts > max(threads, 1) {
				t.Fatalf("%d threads, %v: %d tiles in %d parts", threads, size, len(seen), parts)
			}
		}
	}
}

func TestGridIsEven(t *testing.T) {
	for _, p := range []struct {
		name       string
		rows, cols int // of the result
	}{
		{"ViT-B/16, 8 pictures, width", 1576, 768}, {"up", 1576, 3072}, {"32 pictures, width", 6304, 768},
		{"ViT-L/14, 8 pictures, width", 2056, 1024}, {"1,000 prompts, width", 4008, 512}, {"100 prompts, width", 447,
			512},
		{"weight of a small tower", 512, 128},
	} {
		rows, cols := ceilDiv(p.rows, 12), ceilDiv(p.cols, 32)
		line := ""
		for _, threads := range []int{1, 2, 4, 8, 16, 32, 64} {
			down, across := cuts(threads, rows, cols)
			share := float64(rows*cols) / float64(threads*ceilDiv(rows, down)*ceilDiv(cols, across))
			line += fmt.Sprintf(" %d: %.0f %%", threads, 100*share)
			if share < 0.75 && rows*cols >= 16*threads {
				t.Errorf("%s: %d threads are busy %.0f %% of the time", p.name, threads, 100*share)
			}
		}
		t.Logf("%-28s%s", p.name, line)
	}
}
