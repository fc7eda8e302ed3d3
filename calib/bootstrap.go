package calib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// BootstrapOptions says how to resample. The zero value draws 1,000 times with
// seed 0 for intervals of 95 per cent.
type BootstrapOptions struct {
	Draws int     // 0 means 1,000
	Level float64 // 0 means [DefaultLevel]
	Seed  uint64
	Options
}

// maxDraws bounds what a user may ask for.
const maxDraws = 10_000_000

func (o *BootstrapOptions) check() error {
	if o.Draws == 0 {
		o.Draws = 1000
	}
	if o.Draws < 20 || o.Draws > maxDraws {
		return fmt.Errorf("draws: %d is outside 20 to %d", o.Draws, maxDraws)
	}
	if o.Level == 0 {
		o.Level = DefaultLevel
	}
	if err := checkFraction("level", o.Level); err != nil {
		return err
	}
	return o.Options.check()
}

// Estimate is a figure with its bootstrap interval.
type Estimate struct {
	Value         float64 `json:"value"` // on the samples as they are
	Interval              // percentiles of the draws
	StandardError float64 `json:"standard_error"`
}

// Resampled are the metrics that follow from a few numbers a sample, by the
// names of their JSON keys: accuracy, ece, adaptive_ece_closed, mce, ace, nll,
// brier, logit_range, logit_norm, auroc and aurc. The last two are absent where
// they are undefined.
type Resampled map[string]Estimate

var resampledNames = []string{"accuracy", "ece", "adaptive_ece_closed", "mce", "ace", "nll", "brier",
	"logit_range", "logit_norm", "auroc", "aurc"}

// Bootstrap resamples the samples with replacement and returns each metric with
// its percentile interval. A binned error is larger in a resample than in the
// population, so its interval lies high; see [Predictions.DebiasedECE]. The
// result depends on the seed only, not on the number of cores.
func (p Predictions) Bootstrap(opt BootstrapOptions) (Resampled, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	r := newResampler(p, opt.Options)
	draws, err := drawAll(opt, p.Samples(), []*resampler{r})
	if err != nil {
		return nil, err
	}
	return estimates(r.asIs(), draws[0], opt.Level), nil
}

func estimates(point []float64, draws [][]float64, level float64) Resampled {
	out := Resampled{}
	for j, name := range resampledNames {
		if e, ok := estimate(point[j], draws[j], level); ok {
			out[name] = e
		}
	}
	return out
}

// Difference is b - a of one metric on the same samples.
type Difference struct {
	Estimate
	// P is the two-sided bootstrap p-value of "no difference"; see
	// [BenjaminiHochberg] for many of them.
	P float64 `json:"p"`
	// Detectable is the smallest true difference found with a power of 0.8.
	Detectable float64 `json:"detectable"`
	// IncludesZero says that the interval does.
	IncludesZero bool `json:"includes_zero"`
}

// PairedBootstrap compares two sets of predictions of the same samples: every
// draw takes the same samples of both, so what they share cancels. The metrics
// are those of [Resampled]; the differences are b - a.
func PairedBootstrap(a, b Predictions, opt BootstrapOptions) (map[string]Difference, error) {
	_, _, d, err := Compare(a, b, opt)
	return d, err
}

// Compare is [Predictions.Bootstrap] of a and of b and [PairedBootstrap], from
// the same draws.
func Compare(a, b Predictions, opt BootstrapOptions) (ofA, ofB Resampled, differences map[string]Difference,
	err error) {
	if err := opt.check(); err != nil {
		return nil, nil, nil, err
	}
	if !slices.Equal(a.labels, b.labels) {
		return nil, nil, nil, fmt.Errorf("the two sets of predictions have unlike labels (%d and %d samples): want the same samples in the same order",
			a.Samples(), b.Samples())
	}
	ra, rb := newResampler(a, opt.Options), newResampler(b, opt.Options)
	draws, err := drawAll(opt, a.Samples(), []*resampler{ra, rb})
	if err != nil {
		return nil, nil, nil, err
	}
	pointA, pointB := ra.asIs(), rb.asIs()
	differences = map[string]Difference{}
	for j, name := range resampledNames {
		if d, ok := difference(pointB[j]-pointA[j], draws[0][j], draws[1][j], opt); ok {
			differences[name] = d
		}
	}
	return estimates(pointA, draws[0], opt.Level), estimates(pointB, draws[1], opt.Level), differences, nil
}

// PairedBootstrapMean is [PairedBootstrap] of several pairs on the same samples,
// such as runs of several seeds: every draw takes the same samples of all, and
// the differences are means over the pairs. The interval is over samples, for
// these pairs; it does not speak of other seeds.
func PairedBootstrapMean(a, b []Predictions, opt BootstrapOptions) (map[string]Difference, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if len(a) == 0 || len(a) != len(b) {
		return nil, fmt.Errorf("%d and %d sets of predictions make no pairs", len(a), len(b))
	}
	resamplers := make([]*resampler, 0, 2*len(a))
	for i, p := range slices.Concat(a, b) {
		if !slices.Equal(p.labels, a[0].labels) {
			return nil, fmt.Errorf("set of predictions %d has other labels than the first (%d and %d samples): "+
				"want the same samples in the same order", i+1, p.Samples(), a[0].Samples())
		}
		resamplers = append(resamplers, newResampler(p, opt.Options))
	}
	draws, err := drawAll(opt, a[0].Samples(), resamplers)
	if err != nil {
		return nil, err
	}
	points := make([][]float64, len(resamplers))
	for i, r := range resamplers {
		points[i] = r.asIs()
	}
	n := len(a)
	differences := map[string]Difference{}
	for j, name := range resampledNames {
		ofA, ofB := make([]float64, len(draws[0][j])), make([]float64, len(draws[0][j]))
		value := 0.0
		for i := range n {
			value += (points[n+i][j] - points[i][j]) / float64(n)
			for k := range ofA {
				ofA[k] += draws[i][j][k] / float64(n)
				ofB[k] += draws[n+i][j][k] / float64(n)
			}
		}
		if d, ok := difference(value, ofA, ofB, opt); ok {
			differences[name] = d
		}
	}
	return differences, nil
}

func difference(value float64, a, b []float64, opt BootstrapOptions) (Difference, bool) {
	diffs := make([]float64, len(a))
	below, above := 1, 1
	for i := range diffs {
		diffs[i] = b[i] - a[i]
		if diffs[i] <= 0 {
			below++
		}
		if diffs[i] >= 0 {
			above++
		}
	}
	e, ok := estimate(value, diffs, opt.Level)
	if !ok {
		return Difference{}, false
	}
	d := Difference{Estimate: e, IncludesZero: e.Contains(0)}
	d.P = min(1, 2*float64(min(below, above))/float64(len(diffs)+1))
	d.Detectable = (normalQuantile((1+opt.Level)/2) + normalQuantile(0.8)) * e.StandardError
	return d, true
}

// EveryDifferenceIncludesZero reports whether none of the differences is told
// from zero by its interval.
func EveryDifferenceIncludesZero(all map[string]Difference) bool {
	for _, d := range all {
		if !d.IncludesZero {
			return false
		}
	}
	return true
}

// estimate is not ok where the figure is undefined on the samples as they are;
// draws in which it is undefined are left out.
func estimate(value float64, draws []float64, level float64) (Estimate, bool) {
	if math.IsNaN(value) {
		return Estimate{}, false
	}
	sorted := make([]float64, 0, len(draws))
	for _, v := range draws {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	if len(sorted) == 0 {
		return Estimate{}, false
	}
	sort.Float64s(sorted)
	m, ss := mean(sorted), 0.0
	for _, v := range sorted {
		ss += (v - m) * (v - m)
	}
	e := Estimate{Value: value, Interval: Interval{quantile(sorted, (1-level)/2), quantile(sorted, (1+level)/2)}}
	e.StandardError = math.Sqrt(ss / float64(max(1, len(sorted)-1)))
	return e, true
}

// quantile interpolates linearly between the sorted values, as NumPy does.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// drawAll returns [resampler][metric][draw]. Each draw has a generator of its
// own, so that draws can be made in any order.
func drawAll(opt BootstrapOptions, n int, of []*resampler) ([][][]float64, error) {
	out := make([][][]float64, len(of))
	for r := range of {
		out[r] = make([][]float64, len(resampledNames))
		for j := range out[r] {
			out[r][j] = make([]float64, opt.Draws)
		}
	}
	const together = 16
	err := inParallel((opt.Draws+together-1)/together, func(chunk int) error {
		counts := make([]uint32, n)
		walkers := make([]*walker, len(of))
		for r := range of {
			walkers[r] = of[r].walker()
		}
		for d := chunk * together; d < min(opt.Draws, (chunk+1)*together); d++ {
			clear(counts)
			rng := rand.NewPCG(opt.Seed, uint64(d))
			for range n {
				// The high half of a product is even to within n/2^32.
				counts[(rng.Uint64()>>32)*uint64(n)>>32]++
			}
			for r, w := range walkers {
				for j, v := range w.measure(counts) {
					out[r][j][d] = v
				}
			}
		}
		return nil
	})
	return out, err
}
