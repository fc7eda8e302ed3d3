package npy

import (
	"fmt"
	"math"
)

// Float64s returns the elements in C order. Integers beyond 2^53 are rounded.
func (a *Array) Float64s() []float64 {
	out := make([]float64, a.Len())
	a.widen(out)
	return out
}

// Float32s returns the elements in C order, rounded to float32.
func (a *Array) Float32s() []float32 {
	out := make([]float32, a.Len())
	for i := range out {
		out[i] = float32(a.float(i))
	}
	return out
}

// Ints returns the elements in C order. Floats are taken when they are whole
// numbers, since labels are often saved so; anything else is an error that
// names the element.
func (a *Array) Ints() ([]int, error) {
	out := make([]int, a.Len())
	for i := range out {
		if a.kind == 'f' {
			v := a.float(i)
			if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
				return nil, fmt.Errorf("element %d is %v, not a whole number", i, v)
			}
			out[i] = int(v)
			continue
		}
		v := a.integer(i)
		if a.kind == 'u' && v < 0 {
			return nil, fmt.Errorf("element %d is %d, beyond the largest integer", i, uint64(v))
		}
		out[i] = int(v)
	}
	return out, nil
}

// float returns element i, whatever the type.
func (a *Array) float(i int) float64 {
	if a.kind != 'f' {
		v := a.integer(i)
		if a.kind == 'u' {
			return float64(uint64(v))
		}
		return float64(v)
	}
	b := a.raw[i*a.size:]
	switch a.size {
	case 2:
		return float16(a.order.Uint16(b))
	case 4:
		return float64(math.Float32frombits(a.order.Uint32(b)))
	default:
		return math.Float64frombits(a.order.Uint64(b))
	}
}

// integer returns element i of an integer type; a uint64 keeps its bits.
func (a *Array) integer(i int) int64 {
	b := a.raw[i*a.size:]
	switch {
	case a.kind == 'b':
		if b[0] != 0 {
			return 1
		}
		return 0
	case a.size == 1 && a.kind == 'i':
		return int64(int8(b[0]))
	case a.size == 1:
		return int64(b[0])
	case a.size == 2 && a.kind == 'i':
		return int64(int16(a.order.Uint16(b)))
	case a.size == 2:
		return int64(a.order.Uint16(b))
	case a.size == 4 && a.kind == 'i':
		return int64(int32(a.order.Uint32(b)))
	case a.size == 4:
		return int64(a.order.Uint32(b))
	default:
		return int64(a.order.Uint64(b))
	}
}

// float16 widens an IEEE 754 half.
func float16(h uint16) float64 {
	sign := 1 - 2*float64(h>>15)
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
