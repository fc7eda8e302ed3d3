package scratch

import "testing"

func TestGetHasTheLengthAskedFor(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 1000, 1 << 16} {
		for range 3 {
			f := Get(n)
			if len(f.Data) != n {
				t.Fatalf("Get(%d) has %d values", n, len(f.Data))
			}
			f.Put()
		}
	}
}
