package referee

import (
	"fmt"
	"math"
	"slices"
)

// share checks that an accuracy is that of k of N samples, summed over the
// seeds. Averages over columns are no such shares.
func (e *examiner) share(i, j int, c cell) {
	n := e.Columns[j].Samples
	if n == 0 || j == e.Average || e.metric(e.Rows[i], j) != accuracy || len(e.Rows[i].MeanOf) > 0 {
		return
	}
	seeds := max(1, e.Rows[i].Seeds)
	all := float64(n) * float64(seeds)
	check := Check{Kind: Share, Printed: c.value.text}
	// Papers round or cut off, and single figures are printed with a zero for the
	// digit that they lack.
	unit := c.value.unit
	if c.value.padded() && c.value.unit < 0.1 {
		unit *= 10
	}
	low, high := (c.value.v-unit/2)/100*all, (c.value.v+unit)/100*all
	if k := math.Ceil(low - 1e-6); k > high+1e-6 {
		near := math.Round(c.value.v / 100 * all)
		check.Verdict, check.Computed = Impossible, digits(100*near/all, c.value.unit/10)
		check.By = c.value.v - 100*near/all
		of := fmt.Sprintf("%d", n)
		if seeds > 1 {
			of = fmt.Sprintf("%d times %d", seeds, n)
		}
		check.Words = fmt.Sprintf("no number of right answers out of %s gives it; the nearest, %.0f, gives %s", of,
			near, check.Computed)
	}
	e.note(i, j, check)
}

// deviation checks a standard deviation over seeds, and with the samples known
// also whether whole numbers of right answers can have it.
func (e *examiner) deviation(i, j int, c cell) {
	seeds := e.Rows[i].Seeds
	if !c.std.there {
		return
	}
	check := Check{Kind: Deviation, Printed: c.std.text}
	switch metric := e.metric(e.Rows[i], j); {
	case seeds == 0:
		e.unchecked("the deviation %s of %s under %s: the file does not say of how many seeds", c.std.text,
			e.label(e.Rows[i]), e.Columns[j].Name)
		return
	case seeds == 1:
		check.Computed = "none"
		if c.std.low() > slack {
			check.Verdict, check.Words = Impossible, "one run has no deviation"
		}
	case inPercent(metric) && c.std.low() > mostDeviation(c.value, seeds)+slack:
		check.Verdict = Impossible
		check.Words = fmt.Sprintf("%d shares with this mean deviate by %s at most", seeds,
			digits(mostDeviation(c.value, seeds), c.std.unit))
	case metric == accuracy && e.Columns[j].Samples > 0 && j != e.Average:
		if !countable(c, e.Columns[j].Samples, seeds) {
			check.Verdict = Impossible
			check.Words = fmt.Sprintf("no %d numbers of right answers out of %d have this mean and deviation", seeds,
				e.Columns[j].Samples)
		}
	}
	e.note(i, j, check)
}

func inPercent(metric string) bool {
	return metric != "" && !slices.Contains([]string{nll, brier, logitRange, logitNorm}, metric)
}

// mostDeviation is the largest sample deviation that n percentages with a mean
// can have (Bhatia and Davis).
func mostDeviation(mean figure, n int) float64 {
	most := 0.0
	for _, m := range []float64{mean.low(), mean.v, mean.high()} {
		m = min(max(m, 0), 100)
		most = max(most, math.Sqrt(m*(100-m)*float64(n)/float64(n-1)))
	}
	return most
}

// maxWork bounds the sums and squares that are tried.
const maxWork = 2_000_000

// countable says whether s whole numbers of at most n have the mean and the
// deviation that are printed, each rounded, in percent of n. It tries every sum
// that rounds to the mean: the sum of squares then must be a whole number in the
// range of the deviation, as odd or even as the sum, and for two and three
// numbers be reached. The deviation may be that of the sample or of the
// population.
func countable(c cell, n, s int) bool {
	scale := float64(n) / 100
	low := math.Ceil(c.value.low()*scale*float64(s) - 1e-6)
	high := math.Floor(c.value.high()*scale*float64(s) + 1e-6)
	if (high-low+1)*float64(s) > maxWork {
		return true // so fine a grid has all of them
	}
	for sum := low; sum <= high; sum++ {
		for _, by := range []float64{float64(s - 1), float64(s)} {
			least := square(max(0, c.std.low())*scale)*by - 1e-6
			most := square(c.std.high()*scale)*by + 1e-6
			if reached(int64(sum), int64(s), least, most) {
				return true
			}
		}
	}
	return false
}

func square(x float64) float64 { return x * x }

// reached says whether s whole numbers of a sum have squared deviations from
// their mean that add up to between least and most.
func reached(sum, s int64, least, most float64) bool {
	mean := float64(sum) * float64(sum) / float64(s)
	switch s {
	case 2: // the two differ by d, as odd or even as their sum
		for d := sum & 1; float64(d*d)/2 <= most; d += 2 {
			if float64(d*d)/2 >= least {
				return true
			}
			if d > maxWork {
				return true
			}
		}
		return false
	case 3: // with differences a and b of neighbours, a + 2b is the sum modulo 3
		limit := int64(math.Sqrt(2*most)) + 1
		if limit*limit > maxWork {
			return true
		}
		for a := int64(0); a <= limit; a++ {
			for b := int64(0); b <= limit; b++ {
				d := float64(2*(a*a+a*b+b*b)) / 3
				if (a+2*b-sum)%3 == 0 && d >= least && d <= most {
					return true
				}
			}
		}
		return false
	}
	q := math.Ceil(mean + max(0, least) - 1e-6)
	if int64(q)&1 != sum&1 {
		q++
	}
	return q-mean <= most
}
