package vec

import "math"

// The exponential of a float32, as in Cephes' expf: x = n*ln 2 + r with
// |r| <= ln 2 / 2, exp(r) by a polynomial, and 2^n by the exponent bits. ln 2
// is split so that n times its first part is exact. The assembly has the same
// constants and rounds the same way.
const (
	expHigh = 88.3762626647949   // above this, 2^127.5, the result is +Inf
	expLow  = -87.33654475055310 // below this, 2^-126, the result is zero
	log2e   = 1.44269504088896341
	ln2Head = 0.693359375
	ln2Tail = -2.12194440e-4

	exp0 = 1.9875691500e-4
	exp1 = 1.3981999507e-3
	exp2 = 8.3334519073e-3
	exp3 = 4.1665795894e-2
	exp4 = 1.6666665459e-1
	exp5 = 5.0000001201e-1
)

// exp returns e to the x.
func exp(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > expHigh:
		return float32(math.Inf(1))
	case x < expLow:
		return 0
	}
	n := float32(math.RoundToEven(float64(x * log2e)))
	r := fma(-n, ln2Head, x)
	r = fma(-n, ln2Tail, r)
	p := float32(exp0)
	p = fma(p, r, exp1)
	p = fma(p, r, exp2)
	p = fma(p, r, exp3)
	p = fma(p, r, exp4)
	p = fma(p, r, exp5)
	p = fma(p, r*r, r) + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}

// fma returns x*y + z rounded once to float64 and once to float32, which is
// within the last bit of a fused operation.
func fma(x, y, z float32) float32 {
	return float32(float64(x)*float64(y) + float64(z))
}

// Constants of the error function's approximation 7.1.26 in Abramowitz and
// Stegun, Handbook of Mathematical Functions, halved: for x >= 0,
//
//	1 - Phi(x) = (erf1*t + erf2*t^2 + ... + erf5*t^5) * exp(-x*x/2), t = 1/(1 + erfP*x)
const (
	erfP       = 0.3275911 / 1.4142135623730951
	erf1       = 0.254829592 / 2
	erf2       = -0.284496736 / 2
	erf3       = 1.421413741 / 2
	erf4       = -1.453152027 / 2
	erf5       = 1.061405429 / 2
	invSqrt2Pi = 0.3989422804014327
)

// normal returns the normal distribution function and exp(-x*x/2).
func normal(x float32) (p, e float32) {
	e = exp(-0.5 * x * x)
	z := x
	if z < 0 {
		z = -z
	}
	t := 1 / (1 + erfP*z)
	q := t * (erf1 + t*(erf2+t*(erf3+t*(erf4+t*erf5)))) * e
	if x > 0 {
		return 1 - q, e
	}
	return q, e
}
