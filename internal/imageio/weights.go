package imageio

// Filter is a resampling kernel, antialiased: when the image shrinks the
// kernel is stretched by the scale, as Pillow does it.
type Filter int

// The kernels CLIP's preprocessing and its augmentations use.
const (
	Bicubic  Filter = iota // Keys' cubic with a = -1/2, support 2
	Bilinear               // triangle, support 1
)

// support is the kernel's radius at scale 1.
func (f Filter) support() float64 {
	if f == Bilinear {
		return 1
	}
	return 2
}

// at is the kernel's value at distance x. Every product is rounded to float64
// on its own (the conversions forbid fused multiply-add), so that weights are
// the same on every processor.
func (f Filter) at(x float64) float64 {
	if x < 0 {
		x = -x
	}
	if f == Bilinear {
		if x < 1 {
			return 1 - x
		}
		return 0
	}
	const a = -0.5
	switch {
	case x < 1:
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

// precisionBits is the number of fractional bits of a quantised weight: 8 bits
// of a pixel and 2 bits of headroom leave 22 of a 32-bit accumulator.
const precisionBits = 32 - 8 - 2

// taps lists, for consecutive output positions of one axis, which input
// positions contribute and with what fixed-point weights.
type taps struct {
	first  []int   // first input position per output
	count  []int   // number of inputs per output
	weight []int32 // weights, width per output
	width  int
	copies bool // every output is the input at the same position
}

// axisTaps gives the weights of outputs lo to hi-1 when an axis of in pixels
// is resized to out pixels (precompute_coeffs and normalize_coeffs_8bpc of
// Pillow's Resample.c).
func axisTaps(f Filter, in, out, lo, hi int) taps {
	scale := float64(in) / float64(out)
	filterScale := max(scale, 1)
	support := f.support() * filterScale
	inverse := 1 / filterScale
	width := min(2*(int(support)+2), in)

	n := hi - lo
	if in == out {
		return sameTaps(lo, n)
	}
	t := taps{
		first:  make([]int, n),
		count:  make([]int, n),
		weight: make([]int32, n*width),
		width:  width,
	}
	raw := make([]float64, width)
	for i := range n {
		center := float64((float64(lo+i) + 0.5) * scale)
		first := max(int(center-support+0.5), 0)
		count := min(int(center+support+0.5), in) - first
		sum := 0.0
		for j := range count {
			raw[j] = f.at(float64((float64(first+j) - center + 0.5) * inverse))
			sum += raw[j]
		}
		for j := range count {
			w := raw[j]
			if sum != 0 {
				w /= sum
			}
			t.weight[i*width+j] = quantise(w)
		}
		t.first[i], t.count[i] = first, count
	}
	return t
}

// sameTaps is an axis that is not resized.
func sameTaps(lo, n int) taps {
	t := taps{first: make([]int, n), count: make([]int, n), width: 1, copies: true}
	for i := range n {
		t.first[i], t.count[i] = lo+i, 1
	}
	return t
}

// quantise rounds a weight half away from zero to precisionBits.
func quantise(w float64) int32 {
	scaled := float64(w * (1 << precisionBits))
	if scaled < 0 {
		return int32(scaled - 0.5)
	}
	return int32(scaled + 0.5)
}

// inputs is the half-open range of input positions that outputs draw on.
func (t *taps) inputs() (lo, hi int) {
	lo, hi = t.first[0], 0
	for i, first := range t.first {
		lo = min(lo, first)
		hi = max(hi, first+t.count[i])
	}
	return lo, hi
}
