package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDotRows64SumsEveryRow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 3, 7, 8, 9, 15, 16, 31, 512} {
		for rows := range 10 {
			x, y, dst := make([]float64, n), make([]float64, rows*n), make([]float64, rows)
			for i := range x {
				x[i] = r.NormFloat64()
			}
			for i := range y {
				y[i] = r.NormFloat64()
			}
			DotRows64(dst, x, y)
			for k, got := range dst {
				var want, size float64
				for i, v := range x {
					want += v * y[k*n+i]
					size += math.Abs(v * y[k*n+i])
				}
				if math.Abs(got-want) > 1e-15*float64(n)*size {
					t.Errorf("%d rows of %d: row %d gives %v, want %v", rows, n, k, got, want)
				}
			}
		}
	}
}
