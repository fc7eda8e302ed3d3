package testtime

import "testing"

func TestEveryRowIsVisitedOnce(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 1000} {
		seen := make([]int, n)
		eachRow(n, func(i int) { seen[i]++ })
		for i, times := range seen {
			if times != 1 {
				t.Fatalf("%d rows: row %d was visited %d times", n, i, times)
			}
		}
	}
}
