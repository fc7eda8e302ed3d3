// Package vec holds the loops over float32 slices that the kernels of the CPU
// engine spend their time in: sums, products, exponentials and the functions
// made of them. On amd64 with AVX2 and FMA, and on arm64, the body of a slice
// runs in assembly, eight values at a time; the rest, other processors and the
// build tag noasm run the Go twin. Slices that go together must have equal
// lengths (longer ones are cut); dst may be one of the sources.
package vec

import "math"

// lanes is the number of values that one step of the assembly handles.
const lanes = 8

// body returns the length of the part of n values that assembly handles.
func body(n int) int {
	if fast {
		return n &^ (lanes - 1)
	}
	return 0
}

// pad returns up to lanes values followed by zeros. The functions that are
// costly outside assembly run it on what is left of a slice too, which also
// makes a value's result independent of its place.
func pad(x []float32) (t [lanes]float32) {
	copy(t[:], x)
	return t
}

// Dot returns the sum of x[i]*y[i].
func Dot(x, y []float32) float32 {
	y = y[:len(x)]
	var s float32
	n := body(len(x))
	if n > 0 {
		s = dotAsm(x[:n], y[:n])
	}
	for i := n; i < len(x); i++ {
		s += x[i] * y[i]
	}
	return s
}

// Sum returns the sum of x[i].
func Sum(x []float32) float32 {
	var s float32
	n := body(len(x))
	if n > 0 {
		s = sumAsm(x[:n])
	}
	for _, v := range x[n:] {
		s += v
	}
	return s
}

// SqDist returns the sum of (x[i]-mean)^2.
func SqDist(x []float32, mean float32) float32 {
	var s float32
	n := body(len(x))
	if n > 0 {
		s = sqDistAsm(x[:n], mean)
	}
	for _, v := range x[n:] {
		d := v - mean
		s += d * d
	}
	return s
}

// Max returns the largest x[i], or -Inf if there is none. NaN values are
// passed over unless they come first in the slice or in a lane of eight.
func Max(x []float32) float32 {
	m := float32(math.Inf(-1))
	n := body(len(x))
	if n > 0 {
		m = maxAsm(x[:n])
	}
	for _, v := range x[n:] {
		if v > m {
			m = v
		}
	}
	return m
}

// Axpy adds a*x[i] to y[i].
func Axpy(a float32, x, y []float32) {
	y = y[:len(x)]
	n := body(len(x))
	if n > 0 {
		axpyAsm(a, x[:n], y[:n])
	}
	for i := n; i < len(x); i++ {
		y[i] += a * x[i]
	}
}

// Normalize stores dst[i] = (x[i]-mean)*rstd*gain[i] + bias[i].
func Normalize(dst, x, gain, bias []float32, mean, rstd float32) {
	dst, gain, bias = dst[:len(x)], gain[:len(x)], bias[:len(x)]
	n := body(len(x))
	if n > 0 {
		normAsm(dst[:n], x[:n], gain[:n], bias[:n], mean, rstd)
	}
	for i := n; i < len(x); i++ {
		dst[i] = (x[i]-mean)*rstd*gain[i] + bias[i]
	}
}

// Exp stores dst[i] = exp(scale*x[i] - shift) and returns the sum of dst[i].
// The exponential differs from the exact one of the rounded argument by less
// than 2 units in the last place; results below 2^-126 become zero and those
// above 2^127.5 +Inf.
func Exp(dst, x []float32, scale, shift float32) float32 {
	dst = dst[:len(x)]
	var s float32
	n := body(len(x))
	if n > 0 {
		s = expAsm(dst[:n], x[:n], scale, shift)
	}
	if fast && n < len(x) {
		t := pad(x[n:])
		expAsm(t[:], t[:], scale, shift)
		for _, e := range t[:copy(dst[n:], t[:])] {
			s += e
		}
		return s
	}
	for i := n; i < len(x); i++ {
		e := exp(fma(scale, x[i], -shift))
		dst[i] = e
		s += e
	}
	return s
}

// SigmoidMul stores dst[i] = x[i] * sigmoid(slope*x[i]): QuickGELU with slope
// 1.702, SiLU with slope 1.
func SigmoidMul(dst, x []float32, slope float32) {
	dst = dst[:len(x)]
	n := body(len(x))
	if n > 0 {
		sigmoidMulAsm(dst[:n], x[:n], slope)
	}
	if fast && n < len(x) {
		t := pad(x[n:])
		sigmoidMulAsm(t[:], t[:], slope)
		n += copy(dst[n:], t[:])
	}
	for i := n; i < len(x); i++ {
		dst[i] = x[i] / (1 + exp(-slope*x[i]))
	}
}

// SigmoidMulGrad stores the gradient of SigmoidMul at x times dy: with
// s = sigmoid(slope*x[i]), dst[i] = dy[i] * s * (1 + slope*x[i]*(1-s)).
func SigmoidMulGrad(dst, x, dy []float32, slope float32) {
	dst, dy = dst[:len(x)], dy[:len(x)]
	n := body(len(x))
	if n > 0 {
		sigmoidMulGradAsm(dst[:n], x[:n], dy[:n], slope)
	}
	if fast && n < len(x) {
		t, d := pad(x[n:]), pad(dy[n:])
		sigmoidMulGradAsm(t[:], t[:], d[:], slope)
		n += copy(dst[n:], t[:])
	}
	for i := n; i < len(x); i++ {
		s := 1 / (1 + exp(-slope*x[i]))
		dst[i] = dy[i] * s * (1 + slope*x[i]*(1-s))
	}
}

// Mul stores dst[i] = a*x[i]*y[i].
func Mul(dst []float32, a float32, x, y []float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	n := body(len(x))
	if n > 0 {
		mulAsm(dst[:n], x[:n], y[:n], a)
	}
	for i := n; i < len(x); i++ {
		dst[i] = a * x[i] * y[i]
	}
}

// MulAdd adds x[i]*y[i] to dst[i].
func MulAdd(dst, x, y []float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	n := body(len(x))
	if n > 0 {
		mulAddAsm(dst[:n], x[:n], y[:n])
	}
	for i := n; i < len(x); i++ {
		dst[i] += x[i] * y[i]
	}
}

// Combine stores dst[i] = a*x[i] + b*y[i] + c.
func Combine(dst []float32, a float32, x []float32, b float32, y []float32, c float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	n := body(len(x))
	if n > 0 {
		combineAsm(dst[:n], x[:n], y[:n], a, b, c)
	}
	for i := n; i < len(x); i++ {
		dst[i] = a*x[i] + b*y[i] + c
	}
}

// GELU stores dst[i] = x[i] * Phi(x[i]), Phi the normal distribution function,
// to 2e-7 times |x[i]|.
func GELU(dst, x []float32) {
	dst = dst[:len(x)]
	n := body(len(x))
	if n > 0 {
		geluAsm(dst[:n], x[:n])
	}
	if fast && n < len(x) {
		t := pad(x[n:])
		geluAsm(t[:], t[:])
		n += copy(dst[n:], t[:])
	}
	for i := n; i < len(x); i++ {
		p, _ := normal(x[i])
		dst[i] = x[i] * p
	}
}

// GELUGrad stores dst[i] = dy[i] * (Phi(x[i]) + x[i]*phi(x[i])), phi the normal
// density.
func GELUGrad(dst, x, dy []float32) {
	dst, dy = dst[:len(x)], dy[:len(x)]
	n := body(len(x))
	if n > 0 {
		geluGradAsm(dst[:n], x[:n], dy[:n])
	}
	if fast && n < len(x) {
		t, d := pad(x[n:]), pad(dy[n:])
		geluGradAsm(t[:], t[:], d[:])
		n += copy(dst[n:], t[:])
	}
	for i := n; i < len(x); i++ {
		p, e := normal(x[i])
		dst[i] = dy[i] * (p + x[i]*(e*invSqrt2Pi))
	}
}
