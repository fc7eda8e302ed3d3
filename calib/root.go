package calib

import "math"

// minimiser returns where a derivative changes from negative to positive
// between the bounds of a temperature, or the bound on whose side it lies. It
// doubles or halves from 1 until the change is between two points, then closes
// in on log t.
func minimiser(slope func(t float64) float64) (t float64, atBound bool) {
	lo, hi := 1.0, 1.0
	for slope(lo) >= 0 {
		if lo == MinTemperature {
			return lo, true
		}
		hi, lo = lo, max(lo/2, MinTemperature)
	}
	for slope(hi) < 0 {
		if hi == MaxTemperature {
			return hi, true
		}
		lo, hi = hi, min(hi*2, MaxTemperature)
	}
	x := illinois(func(x float64) float64 { return slope(math.Exp(x)) }, math.Log(lo), math.Log(hi))
	return math.Exp(x), false
}

// illinois finds the root of a function that is negative at a and not at b by
// false position; an end that stays twice in a row has its value halved, which
// keeps the other end from creeping. About ten evaluations give all digits.
func illinois(f func(float64) float64, a, b float64) float64 {
	const tolerance = 1e-15
	atA, atB := f(a), f(b)
	side := 0
	for range 200 {
		if b-a <= tolerance*max(1, math.Abs(a)) || atB == 0 {
			return b
		}
		x := (a*atB - b*atA) / (atB - atA)
		if x <= a || x >= b {
			return x
		}
		switch y := f(x); {
		case y == 0:
			return x
		case y < 0:
			a, atA = x, y
			if side < 0 {
				atB /= 2
			}
			side = -1
		default:
			b, atB = x, y
			if side > 0 {
				atA /= 2
			}
			side = 1
		}
	}
	return (a + b) / 2
}
