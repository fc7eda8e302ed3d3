package calib

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// fitCurves fits one curve a class on "this class or another".
func (c *Calibrator) fitCurves(m Matrix, labels []int, bins int, fit *CalibratorFit) error {
	inputs := m.Clone()
	for i := range inputs.N {
		c.curveInput(inputs.Row(i))
	}
	c.Curves = make([]Curve, m.K)
	sizes := make([]int, m.K)
	err := inParallel(m.K, func(k int) error {
		x, hit := make([]float64, m.N), make([]bool, m.N)
		for i := range x {
			x[i], hit[i] = inputs.Data[i*m.K+k], labels[i] == k
		}
		switch c.Kind {
		case Platt:
			c.Curves[k], sizes[k] = fitPlatt(x, hit), 2
		case Isotonic:
			c.Curves[k] = fitIsotonic(x, hit)
			sizes[k] = len(c.Curves[k].X)
		default:
			c.Curves[k], sizes[k] = fitHistogram(x, hit, bins), bins
		}
		return nil
	})
	for _, s := range sizes {
		fit.Parameters += s
	}
	return err
}

// curveInput replaces a row of logits by what the curves are functions of.
func (c Calibrator) curveInput(row []float64) {
	if c.Kind == Platt {
		logOddsInto(row)
		return
	}
	softmaxInto(row, row)
}

// readCurves replaces a row of logits by the logarithms of the curves' values,
// divided by their sum; a row of zeros says nothing and becomes uniform.
func (c Calibrator) readCurves(row []float64) {
	c.curveInput(row)
	sum := 0.0
	for k, x := range row {
		row[k] = c.Curves[k].value(c.Kind, x)
		sum += row[k]
	}
	for k, p := range row {
		if sum == 0 {
			row[k] = 0
			continue
		}
		row[k] = math.Log(max(p/sum, leastFitted))
	}
}

func (v Curve) value(kind string, x float64) float64 {
	switch kind {
	case Platt:
		return sigmoid(v.Slope*x + v.Offset)
	case Isotonic:
		at := sort.SearchFloat64s(v.X, x)
		switch {
		case at == len(v.X):
			return v.Y[at-1]
		case at == 0 || v.X[at] == x:
			return v.Y[at]
		}
		return v.Y[at-1] + (v.Y[at]-v.Y[at-1])*((x-v.X[at-1])/(v.X[at]-v.X[at-1]))
	}
	return v.Y[histogramBin(x, len(v.Y))]
}

func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// logOddsInto replaces logits l_k by l_k - log Σ_{j≠k} exp(l_j). The sum
// without the largest is made anew: taking it away would leave rounding only.
func logOddsInto(row []float64) {
	top := ArgMax(row)
	peak, second := row[top], math.Inf(-1)
	sum := 0.0
	for k, l := range row {
		sum += math.Exp(l - peak)
		if k != top {
			second = max(second, l)
		}
	}
	others := 0.0
	for k, l := range row {
		if k != top {
			others += math.Exp(l - second)
		}
	}
	for k, l := range row {
		if k != top {
			row[k] = l - (peak + math.Log(sum-math.Exp(l-peak)))
		}
	}
	row[top] = peak - (second + math.Log(others))
}

// fitPlatt finds the logistic curve of most likelihood for targets drawn
// slightly from 0 and 1, (n₊+1)/(n₊+2) and 1/(n₋+2), which keep it finite
// (Platt, 1999), by Newton's steps, halved while they do not help.
func fitPlatt(x []float64, hit []bool) Curve {
	right := 0.0
	for _, h := range hit {
		if h {
			right++
		}
	}
	high, low := (right+1)/(right+2), 1/(float64(len(x))-right+2)
	loss := func(a, b float64) (sum float64) {
		for i, v := range x {
			z, t := a*v+b, low
			if hit[i] {
				t = high
			}
			// log(1+e^z) - t·z without overflow
			sum += max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - t*z
		}
		return sum
	}
	a, b := 0.0, math.Log((right+1)/(float64(len(x))-right+1))
	value := loss(a, b)
	for range 200 {
		var ga, gb, haa, hab, hbb float64
		for i, v := range x {
			t := low
			if hit[i] {
				t = high
			}
			p := sigmoid(a*v + b)
			d, w := p-t, p*(1-p)
			ga, gb = ga+d*v, gb+d
			haa, hab, hbb = haa+w*v*v, hab+w*v, hbb+w
		}
		const ridge = 1e-12
		haa, hbb = haa+ridge, hbb+ridge
		det := haa*hbb - hab*hab
		da, db := -(hbb*ga-hab*gb)/det, -(haa*gb-hab*ga)/det
		step := 1.0
		next := loss(a+da, b+db)
		for !(next <= value) && step > 1e-10 {
			step /= 2
			next = loss(a+step*da, b+step*db)
		}
		if !(next <= value) {
			break
		}
		a, b = a+step*da, b+step*db
		done := value-next <= 1e-15*value && math.Abs(step*da) <= 1e-12*(1+math.Abs(a))
		if value = next; done {
			break
		}
	}
	return Curve{Slope: a, Offset: b}
}

// fitIsotonic pools adjacent violators: the rising function nearest to the
// hits in squares, one value for equal inputs.
func fitIsotonic(x []float64, hit []bool) Curve {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	type pool struct{ first, last, hits, count float64 } // from and to which input
	// Inputs this near are one: softmax of the same logits in another order.
	const equal = 1e-15
	var pools []pool
	for at := 0; at < len(order); {
		p := pool{first: x[order[at]], last: x[order[at]]}
		for ; at < len(order) && x[order[at]]-p.first < equal; at++ {
			p.count++
			if hit[order[at]] {
				p.hits++
			}
		}
		for len(pools) > 0 && pools[len(pools)-1].hits*p.count >= p.hits*pools[len(pools)-1].count {
			before := pools[len(pools)-1]
			p.first, p.hits, p.count = before.first, p.hits+before.hits, p.count+before.count
			pools = pools[:len(pools)-1]
		}
		pools = append(pools, p)
	}
	var c Curve
	for _, p := range pools {
		c.X, c.Y = append(c.X, p.first), append(c.Y, p.hits/p.count)
		if p.last > p.first {
			c.X, c.Y = append(c.X, p.last), append(c.Y, p.hits/p.count)
		}
	}
	return c
}

// histogramBin is the bin [m/bins, (m+1)/bins) of x, the last one closed.
func histogramBin(x float64, bins int) int {
	m := min(max(int(x*float64(bins)), 0), bins-1)
	if m > 0 && x < edge(m, bins) {
		m--
	} else if m < bins-1 && x >= edge(m+1, bins) {
		m++
	}
	return m
}

// fitHistogram gives each bin its share of hits (Zadrozny and Elkan, 2001), an
// empty one its middle.
func fitHistogram(x []float64, hit []bool, bins int) Curve {
	counts, hits := make([]float64, bins), make([]float64, bins)
	for i, v := range x {
		m := histogramBin(v, bins)
		counts[m]++
		if hit[i] {
			hits[m]++
		}
	}
	c := Curve{Y: make([]float64, bins)}
	for m := range c.Y {
		c.Y[m] = (edge(m, bins) + edge(m+1, bins)) / 2
		if counts[m] > 0 {
			c.Y[m] = hits[m] / counts[m]
		}
	}
	return c
}
