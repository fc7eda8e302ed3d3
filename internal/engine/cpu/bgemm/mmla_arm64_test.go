//go:build arm64 && !noasm

package bgemm

import (
	"math"
	"math/rand/v2"
	"testing"
)

// toOdd is a + b with what float32 cannot hold made the last bit, and numbers too
// small to be normal made zero: Arm's BFAdd (Arm Architecture Reference Manual,
// J1.3.3, with FPCR.EBF 0). Both are float32.
func toOdd(a, b float32) float32 {
	x, y := float64(a), float64(b)
	sum := x + y
	back := sum - x
	rest := (x - (sum - back)) + (y - back) // sum + rest is exact
	f := float32(sum)
	if math.Abs(float64(f)) > math.Abs(sum) || float64(f) == sum && rest != 0 && (rest > 0) != (sum > 0) {
		f = math.Nextafter32(f, 0)
	}
	if float64(f) != sum || rest != 0 {
		f = math.Float32frombits(math.Float32bits(f) | 1)
	}
	if math.Abs(float64(f)) < 0x1p-126 {
		return 0
	}
	return f
}

// TestProductsAreWhatArmSays wants the bits of the manual's definition: of every
// four depths, first the sum of the first two products, then that of the others.
func TestProductsAreWhatArmSays(t *testing.T) {
	if !hasBF16() {
		t.Skip("this processor has no FEAT_BF16")
	}
	r := rand.New(rand.NewPCG(11, 12))
	for _, k := range []int{1, 2, 3, 4, 5, 7, 64, 301} {
		for _, spread := range []float64{0, 8} {
			draw := func(n int) []float32 {
				x := random(r, n)
				for i := range x {
					x[i] *= float32(math.Exp2(math.Round(spread * r.NormFloat64())))
				}
				return x
			}
			x, y := draw(dotRows*k), draw(k*panel)
			a, b, c := make([]uint16, quadsPacked(k)), make([]uint16, panelSize(k)), make([]float32, dotRows*panel)
			packQuads(a, Matrix{F32: x, Stride: k}, 0, dotRows, k)
			packStraight(b, Matrix{F32: y, Stride: panel}, k, panel)
			dotMMLA(k, a, b, c, panel)
			for i := range dotRows {
				for j := range panel {
					at := func(l int) float32 {
						if l >= k {
							return 0
						}
						return x[i*k+l] * y[l*panel+j] // exact
					}
					var want float32
					for l := 0; l < k; l += 2 {
						want = toOdd(want, toOdd(at(l), at(l+1)))
					}
					if got := c[i*panel+j]; math.Float32bits(got) != math.Float32bits(want) {
						t.Fatalf("depth %d, element %d, %d: %v (%x), want %v (%x)", k, i, j, got, math.Float32bits(got),
							want, math.Float32bits(want))
					}
				}
			}
		}
	}
}
