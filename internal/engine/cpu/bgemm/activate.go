package bgemm

import "clipcalib/internal/engine"

// lanes is the number of values that the loops over 16 bits take at a time.
const lanes = 32

// ActOf returns what stores dst[i] = act(x[i]), rounded; nil where there is no
// assembly for it.
func ActOf(act engine.Act) func(dst, x []uint16) {
	var of func(dst, x *uint16, n int)
	switch {
	case wide && act == engine.QuickGELU:
		of = quickGELU512
	case wide && act == engine.GELU:
		of = gelu512
	default:
		return nil
	}
	return func(dst, x []uint16) {
		dst = dst[:len(x)]
		n := len(x) / lanes * lanes
		if n > 0 {
			of(&dst[0], &x[0], n)
		}
		if n < len(x) {
			var last [lanes]uint16
			copy(last[:], x[n:])
			of(&last[0], &last[0], lanes)
			copy(dst[n:], last[:])
		}
	}
}

// ActGradOf returns what stores dst[i] = dy[i] times the derivative of act at x[i],
// rounded; nil where there is no assembly for it.
func ActGradOf(act engine.Act) func(dst, x []uint16, dy []float32) {
	if !wide || act != engine.QuickGELU {
		return nil
	}
	return func(dst, x []uint16, dy []float32) {
		dst, dy = dst[:len(x)], dy[:len(x)]
		n := len(x) / lanes * lanes
		if n > 0 {
			quickGELUGrad512(&dst[0], &x[0], &dy[0], n)
		}
		if n < len(x) {
			var last [lanes]uint16
			var d [lanes]float32
			copy(last[:], x[n:])
			copy(d[:], dy[n:])
			quickGELUGrad512(&last[0], &last[0], &d[0], lanes)
			copy(dst[n:], last[:])
		}
	}
}
