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
