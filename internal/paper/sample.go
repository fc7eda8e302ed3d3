package paper

import (
	"math"

	"clipcalib/calib"
	"clipcalib/internal/table"

	"gonum.org/v1/gonum/stat/distuv"
)

// sample is the figures of one run, in percent, each with the standard error over the
// samples: accuracy, ECE by Bins, and three of every kind of conformal sets.
type sample struct {
	value, stderr []float64
	exact         map[int]calib.Interval // Wilson's, of one set; none of an average
	splits        map[int][]float64      // the values that a figure is the median of
}

// missing is a figure that is not there.
var missing = math.NaN()

func (s *sample) add(value, stderr float64) {
	s.value, s.stderr = append(s.value, value), append(s.stderr, stderr)
}

func (s *sample) addSplits(values []float64) {
	median, _ := table.OverSplits(values)
	s.splits[len(s.value)] = values
	s.add(median, missing)
}

func (s *sample) equal(o *sample) bool {
	for i, v := range s.value {
		if v != o.value[i] && !(math.IsNaN(v) && math.IsNaN(o.value[i])) {
			return false
		}
	}
	return true
}

func newSample() *sample {
	return &sample{exact: map[int]calib.Interval{}, splits: map[int][]float64{}}
}

func sampleOf(p calib.Predictions) *sample {
	s := newSample()
	s.add(100*p.Accuracy(), binomialError(p.Accuracy(), p.Samples()))
	n := float64(max(1, p.Samples()))
	if i, err := calib.Wilson(int(math.Round(p.Accuracy()*n)), int(n), calib.DefaultLevel); err == nil {
		s.exact[0] = calib.Interval{Low: 100 * i.Low, High: 100 * i.High}
	}
	for _, bins := range Bins {
		s.add(100*p.ECE(bins), 100*eceError(p, bins))
	}
	return s
}

// binomialError is the standard error of a share, in percent.
func binomialError(share float64, n int) float64 {
	return 100 * math.Sqrt(share*(1-share)/float64(max(1, n)))
}

// averageOf is the mean of a seed's figures over all sets, nil where one is
// missing. What has no seed of its own, as the zero-shot model, has "".
func averageOf(of map[string]map[string]*sample, sets []string, seed string) *sample {
	a := newSample()
	n := float64(len(sets))
	for at, set := range sets {
		s := of[set][seed]
		if s == nil {
			return nil
		}
		for i := range s.value {
			if at == 0 {
				a.add(0, 0)
				a.splits[i] = make([]float64, len(s.splits[i]))
			}
			a.value[i] += s.value[i] / n
			a.stderr[i] = math.Hypot(a.stderr[i], s.stderr[i]/n)
			for j, v := range s.splits[i] { // as many on every set
				a.splits[i][j] += v / n
			}
		}
	}
	for i, values := range a.splits {
		if len(values) > 0 && !math.IsNaN(a.value[i]) {
			a.value[i], _ = table.OverSplits(values)
		}
	}
	return a
}

func figureOf(samples []*sample, i int) Figure {
	f := Figure{N: len(samples), Over: "samples"}
	n := float64(f.N)
	for _, s := range samples {
		f.Mean += s.value[i] / n
	}
	one := samples[0]
	if f.N > 1 {
		for _, s := range samples {
			f.Std += (s.value[i] - f.Mean) * (s.value[i] - f.Mean) / (n - 1)
		}
		f.Std = math.Sqrt(f.Std)
		half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975) * f.Std / math.Sqrt(n)
		f.Low, f.High, f.Over = f.Mean-half, f.Mean+half, "seeds"
		return f
	}
	if values := one.splits[i]; len(values) > 0 {
		_, over := table.OverSplits(values)
		f.Low, f.High, f.Over = over.Low, over.High, "splits"
		return f
	}
	half := 1.959963984540054 * one.stderr[i]
	f.Low, f.High = f.Mean-half, f.Mean+half
	if exact := one.exact[i]; exact.High > 0 {
		f.Low, f.High = exact.Low, exact.High
	}
	return f
}
