package calib

import "math"

// The exponential as 2^(k/64) times a short series: k steps of 1/64 to the
// nearest, so that the rest is at most ln2/128.
const (
	expSteps  = 64
	perStep   = expSteps / math.Ln2
	stepHigh  = 0x1.62e42fefp-7 // ln2/64, the first 32 bits, so that k of them are exact
	stepLow   = math.Ln2/expSteps - stepHigh
	roundMask = 0x1.8p52 // added and taken away, it rounds to the nearest integer
)

// expTable is 2^(j/64) as bits.
var expTable = func() (table [expSteps]uint64) {
	for j := range table {
		table[j] = math.Float64bits(math.Exp2(float64(j) / expSteps))
	}
	return table
}()

// negligible is where exp(x) no longer changes a sum that holds exp(0), even a
// thousand times over.
const negligible = -46

// quickSoftmax is softmaxInto by that exponential, each within an ulp or two, for
// what goes over many rows and shows no probability.
func quickSoftmax(dst, row []float64) {
	peak := row[0]
	for _, v := range row {
		peak = max(peak, v)
	}
	sum := 0.0
	dst = dst[:len(row)]
	for i, v := range row {
		// Below the least normal number there is nothing to tell apart.
		x := max(v-peak, -700)
		k := x*perStep + roundMask
		n := int32(math.Float64bits(k))
		k -= roundMask
		r := (x - k*stepHigh) - k*stepLow
		two := math.Float64frombits(expTable[n&(expSteps-1)] + uint64(n>>6)<<52)
		e := two + two*(r+r*r*(1./2+r*(1./6+r*(1./24+r*(1./120)))))
		dst[i] = e
		sum += e
	}
	by := 1 / sum
	for i := range dst {
		dst[i] *= by
	}
}

// expSums returns Σ exp(b·d)·d^j for j = 0 to 4, where d is a logit less the
// peak of its row: it is where a fit spends its time. Each exponential is within
// an ulp or two.
func expSums(row []float64, peak, b float64) (s [5]float64) {
	var s0, s1, s2, s3, s4 float64
	for _, v := range row {
		d := v - peak
		x := d * b
		if !(x > negligible) {
			continue
		}
		k := x*perStep + roundMask
		n := int32(math.Float64bits(k)) // the low bits count the steps
		k -= roundMask
		r := (x - k*stepHigh) - k*stepLow
		two := math.Float64frombits(expTable[n&(expSteps-1)] + uint64(n>>6)<<52)
		e := two + two*(r+r*r*(1./2+r*(1./6+r*(1./24+r*(1./120)))))
		f := e * d
		g := f * d
		h := g * d
		s0 += e
		s1 += f
		s2 += g
		s3 += h
		s4 += h * d
	}
	return [5]float64{s0, s1, s2, s3, s4}
}
