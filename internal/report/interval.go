package report

import "math"

// nearEmpty is the number of samples below which a bin's accuracy says little:
// its interval then spans some 60 points or more.
const nearEmpty = 10

// wilson is the score interval of a proportion of n trials at 95 per cent
// (Wilson 1927): 0 to 1 without trials.
func wilson(proportion float64, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	f := float64(n)
	middle := (proportion + z*z/(2*f)) / (1 + z*z/f)
	half := z / (1 + z*z/f) * math.Sqrt(proportion*(1-proportion)/f+z*z/(4*f*f))
	return max(0, middle-half), min(1, middle+half)
}
