package bgemm

import "math"

// Rounded is the bfloat16 nearest to v, ties to even; numbers too small for a
// normal bfloat16 become zero, as the processor's own instruction has it.
func Rounded(v float32) uint16 {
	b := math.Float32bits(v)
	switch {
	case v != v:
		return uint16(b>>16) | 1<<6
	case b>>23&0xff == 0:
		return uint16(b>>16) & 0x8000
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// Widened is the value of a bfloat16.
func Widened(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }

// Round stores dst[i] = src[i] rounded.
func Round(dst []uint16, src []float32) {
	dst = dst[:len(src)]
	n := 0
	if fast {
		if n = len(src) &^ 31; n > 0 {
			roundAsm(&dst[0], &src[0], n)
		}
	}
	for i := n; i < len(src); i++ {
		dst[i] = Rounded(src[i])
	}
}

// Widen stores dst[i] = src[i].
func Widen(dst []float32, src []uint16) {
	dst = dst[:len(src)]
	n := 0
	if fast {
		if n = len(src) &^ 31; n > 0 {
			widenAsm(&dst[0], &src[0], n)
		}
	}
	for i := n; i < len(src); i++ {
		dst[i] = Widened(src[i])
	}
}
