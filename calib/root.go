package calib

import "math"

// newtonTemperature minimises the likelihood from a starting temperature. The
// step is Newton's in 1/T; one that leaves the bracket is replaced by the
// bracket's middle, or by the bound where that side has not been tried.
func newtonTemperature(logits Rows, labels []int, t float64) (TemperatureFit, error) {
	const (
		digits  = 1e-9 // of a step; the error after it is the square of that
		patient = 6    // steps before a bound is tried
	)
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
		next := 1 / (1/t + at.slope/at.curvature)
		if math.Abs(next/t-1) <= digits {
			fit.T = min(max(next, lo), hi)
			fit.NLL -= at.slope * at.slope / (2 * at.curvature)
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

// likelihood is the mean negative log-likelihood of logits/t and its
// derivatives with respect to b = 1/t.
type likelihood struct {
	nll       float64
	slope     float64 // mean of l_y - Σ p_k l_k, the negated first derivative
	curvature float64 // mean variance of l under p, the second
	constant  bool    // every row's logits are equal
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
		total.constant = total.constant && p.constant
	}
	return total, err
}

// negligible is where exp(x) no longer changes a sum that holds exp(0), even a
// thousand times over.
const negligible = -46

func (s *likelihood) add(row []float64, label, i int, b float64) error {
	peak := row[0]
	finite := 0.0
	for _, v := range row {
		if v > peak {
			peak = v
		}
		finite += v * 0
	}
	if finite != 0 {
		return checkRow(row, i)
	}
	z, first, second := 0.0, 0.0, 0.0
	for _, v := range row {
		d := v - peak
		if d < 0 {
			s.constant = false
		}
		if x := d * b; x > negligible {
			e := math.Exp(x)
			z += e
			first += e * d
			second += e * d * d
		}
	}
	first /= z
	s.nll += math.Log(z) + (peak-row[label])*b
	s.slope += (row[label] - peak) - first
	s.curvature += second/z - first*first
	return nil
}
