package gate

import (
	"math"
	"math/bits"
)

// tolerance is by how much a number may differ: abs, and rel times its size.
type tolerance struct{ abs, rel float64 }

func (t tolerance) at(v float64) float64 { return t.abs + t.rel*math.Abs(v) }

func (t tolerance) plus(o tolerance) tolerance { return tolerance{t.abs + o.abs, t.rel + o.rel} }

// The most decimals or digits that count as rounding, float32 having no more, and the
// bits of a fraction.
const (
	mostDigits   = 6
	float16Bits  = 11
	bfloat16Bits = 8
)

// roundingSeen finds out, value by value, how coarsely numbers were written down: in
// few bits, as float16 and bfloat16 do, with few decimals or with few digits.
type roundingSeen struct{ bits, decimals, digits int }

func newRounding() roundingSeen { return roundingSeen{digits: 1} }

func (r *roundingSeen) add(v float64) {
	if r.bits > float16Bits && r.decimals > mostDigits && r.digits > mostDigits {
		return // nothing is left to find out
	}
	if v = math.Abs(v); v == 0 || v > math.MaxFloat64 {
		return
	}
	if r.bits <= float16Bits {
		fraction, _ := math.Frexp(v)
		r.bits = max(r.bits, 53-bits.TrailingZeros64(uint64(fraction*(1<<53))))
	}
	for r.decimals <= mostDigits && !whole(v*math.Pow10(r.decimals)) {
		r.decimals++
	}
	if r.digits <= mostDigits {
		exponent := int(math.Floor(math.Log10(v)))
		for r.digits <= mostDigits && !whole(v*math.Pow10(r.digits-1-exponent)) {
			r.digits++
		}
	}
}

// join adds what was seen of other numbers of the file.
func (r *roundingSeen) join(o roundingSeen) {
	r.bits, r.decimals, r.digits = max(r.bits, o.bits), max(r.decimals, o.decimals), max(r.digits, o.digits)
}

// whole says that a number is an integer but for the rounding of float32; of numbers
// too large for that to tell anything it says no.
func whole(v float64) bool {
	near := v*0x1p-23 + 1e-9
	return near < 0.2 && math.Abs(v-math.Round(v)) <= near
}

// slack is how far numbers so written lie from those that were rounded.
func (r roundingSeen) slack() (t tolerance) {
	switch {
	case r.bits <= bfloat16Bits:
		t.rel = 0x1p-8
	case r.bits <= float16Bits:
		t.rel = 0x1p-11
	}
	if r.decimals <= mostDigits {
		t.abs = 0.5 * math.Pow10(-r.decimals)
	}
	if r.digits <= mostDigits {
		t.rel = max(t.rel, 0.5*math.Pow10(1-r.digits))
	}
	return t
}
