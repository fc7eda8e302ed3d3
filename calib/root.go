package calib

import "math"

// newtonTemperature minimises the likelihood from a starting temperature. The
// step, in 1/T, is to the root of the slope's series of third order, so that two
// passes over the logits usually do; one that leaves the bracket is replaced by
// the bracket's middle, or by the bound where that side has not been tried.
func newtonTemperature(logits Rows, labels []int, t float64) (TemperatureFit, error) {
	const patient = 6 // steps before a bound is tried
	lo, hi := MinTemperature, MaxTemperature
	triedLo, triedHi := false, false
	for step := 0; ; step++ {
		at, err := likelihoodAt(logits, labels, t)
		if err != nil {
			return TemperatureFit{}, err
		}
		fit := TemperatureFit{T: t, NLL: at.nll}
		switch {
		case at.constant:
			fit.T = 1
			return fit, nil
		case at.slope >= 0 && t == MinTemperature, at.slope < 0 && t == MaxTemperature:
			fit.AtBound = true
			return fit, nil
		case at.slope == 0 && at.curvature > 0, step == 200:
			return fit, nil
		case at.slope < 0:
			lo, triedLo = t, true
		default:
			hi, triedHi = t, true
		}
		h, off := at.root(1 / t)
		next := 1 / (1/t + h)
		if off*t <= rootDigits {
			fit.T = min(max(next, lo), hi)
			fit.NLL = at.nllAfter(h)
			return fit, nil
		}
		inside := next > lo && next < hi // false for NaN
		switch {
		case step >= patient && at.slope < 0 && !triedHi, !inside && at.slope < 0 && !triedHi:
			next = MaxTemperature
		case step >= patient && at.slope >= 0 && !triedLo, !inside && at.slope >= 0 && !triedLo:
			next = MinTemperature
		case !inside:
			next = math.Sqrt(lo * hi)
		}
		if hi/lo-1 <= 1e-15 || next == t {
			return fit, nil
		}
		t = next
	}
}

// rootDigits is how near to the optimum a fit ends, relative to 1/T.
const rootDigits = 1e-12

// root returns the step from b = 1/T to where the slope is 0, by its series of
// third order, and a bound of how far off that is: what the next terms of the
// series may amount to, by those that are known and by the size of the step.
func (l likelihood) root(b float64) (h, off float64) {
	series := [3]float64{l.curvature, l.third / 2, l.fourth / 6}
	first := l.slope / l.curvature
	var roots [3]float64
	for order := range roots {
		x := first
		for range 20 {
			value, slope := -l.slope, 0.0
			for k := order; k >= 0; k-- {
				slope = slope*x + float64(k+1)*series[k]
				value += series[k] * math.Pow(x, float64(k+1))
			}
			step := value / slope
			x -= step
			if math.Abs(step) <= 1e-16*math.Abs(x) {
				break
			}
		}
		roots[order] = x
	}
	h = roots[2]
	if !(math.Abs(h-first) <= math.Abs(first)/2) { // beyond where the series holds
		return first, math.Inf(1)
	}
	last, before := math.Abs(h-roots[1]), math.Abs(roots[1]-roots[0])
	off = b * math.Pow(math.Abs(h)/b, 5)
	if before > 0 {
		off = max(off, last*last/before)
	}
	return h, off
}

// nllAfter is the likelihood after a step of 1/T, by the series.
func (l likelihood) nllAfter(h float64) float64 {
	return l.nll + h*(-l.slope+h/2*(l.curvature+h/3*(l.third+h/4*l.fourth)))
}

// likelihood is the mean negative log-likelihood of logits/t and its
// derivatives with respect to b = 1/t: the cumulants of the logits under p.
type likelihood struct {
	nll       float64
	slope     float64 // mean of l_y - Σ p_k l_k, the negated first derivative
	curvature float64 // mean variance of l under p, the second
	third     float64
	fourth    float64
	constant  bool // every row's logits are equal
}

func likelihoodAt(logits Rows, labels []int, t float64) (likelihood, error) {
	n, k := logits.Shape()
	parts := make([]likelihood, partsOf(n, 0))
	for i := range parts {
		parts[i].constant = true
	}
	err := eachBlock(logits, len(parts), func(part, from int, block []float64) error {
		sum := &parts[part]
		for at := 0; at < len(block); at += k {
			i := from + at/k
			if err := sum.add(block[at:at+k:at+k], labels[i], i, 1/t); err != nil {
				return err
			}
		}
		return nil
	})
	var total likelihood
	total.constant = true
	for _, p := range parts {
		total.nll += p.nll / float64(n)
		total.slope += p.slope / float64(n)
		total.curvature += p.curvature / float64(n)
		total.third += p.third / float64(n)
		total.fourth += p.fourth / float64(n)
		total.constant = total.constant && p.constant
	}
	return total, err
}

func (l *likelihood) add(row []float64, label, i int, b float64) error {
	peak, least, finite := row[0], row[0], 0.0
	for _, v := range row {
		peak, least = max(peak, v), min(least, v)
		finite += v * 0
	}
	if finite != 0 { // NaN for NaN and infinities
		return checkRow(row, i)
	}
	l.constant = l.constant && least == peak
	s := expSums(row, peak, b)
	m1, m2, m3, m4 := s[1]/s[0], s[2]/s[0], s[3]/s[0], s[4]/s[0]
	variance := m2 - m1*m1
	third := m3 - m1*(3*m2-2*m1*m1)
	l.nll += math.Log(s[0]) + (peak-row[label])*b
	l.slope += (row[label] - peak) - m1
	l.curvature += variance
	l.third += third
	// the fourth central moment less three times the squared variance
	l.fourth += m4 - m1*(4*m3-m1*(6*m2-3*m1*m1)) - 3*variance*variance
	return nil
}
