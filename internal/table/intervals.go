package table

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"clipcalib/calib"

	"gonum.org/v1/gonum/stat/distuv"
)

// How an interval was made, in a word.
const (
	OverSeeds     = "seeds"     // Student's t over the seeds' values
	ByWilson      = "wilson"    // of one run's accuracy
	ByBootstrap   = "bootstrap" // of one run's other metrics, over its samples
	OverSamples   = "samples"   // normal, of one run's sets
	intervalLevel = calib.DefaultLevel
)

// Interval is where a figure lies in 95 of 100 cases, as Kind says.
type Interval struct {
	calib.Interval
	Kind string `json:"kind"`
}

// StudentInterval is that of a mean over seeds; ok is false for one seed.
func (s Spread) StudentInterval() (i Interval, ok bool) {
	if s.N < 2 {
		return i, false
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(s.N - 1)}.Quantile((1 + intervalLevel) / 2)
	half := t * s.Std / math.Sqrt(float64(s.N))
	return Interval{calib.Interval{Low: s.Mean - half, High: s.Mean + half}, OverSeeds}, true
}

// Resample draws bootstrap intervals for the cells of one run, which have no
// spread over seeds to show. Without it those have one of accuracy alone.
func (t *Table) Resample(opt calib.BootstrapOptions) error {
	opt.Bins = t.Bins
	for _, g := range t.Groups {
		for _, c := range t.Targets {
			cell := g.Cells[c.Name]
			if len(cell) != 1 {
				continue
			}
			drawn, err := cell[0].Predictions.Bootstrap(opt)
			if err != nil {
				return fmt.Errorf("intervals of %s on %s: %w", cell[0].Run, c.Name, err)
			}
			cell[0].resampled = drawn
		}
	}
	return nil
}

// Interval is that of a metric of a row on a target; ok is false where none is
// known.
func (g Group) Interval(target, key string) (i Interval, ok bool) {
	cell := g.Cells[target]
	if len(cell) != 1 {
		s, _ := g.spread(target, key)
		return s.StudentInterval()
	}
	if over, ok := cell[0].overSplits[key]; ok {
		return Interval{over, BySplits}, true
	}
	for kind, f := range cell[0].sets {
		switch key {
		case setKey(keyCoverage, kind):
			return Interval{f.CoverageInterval, ByWilson}, true
		case setKey(keySetSize, kind):
			return Interval{around(f.MeanSize, f.MeanSizeError), OverSamples}, true
		case setKey(keyClassGap, kind):
			return Interval{around(f.ClassGap, f.ClassGapError), OverSamples}, true
		}
	}
	if key == "accuracy" {
		hits := 0
		for _, right := range cell[0].Predictions.Correct {
			if right {
				hits++
			}
		}
		w, err := calib.Wilson(hits, len(cell[0].Predictions.Correct), intervalLevel)
		return Interval{w, ByWilson}, err == nil
	}
	e, ok := cell[0].resampled[key]
	return Interval{e.Interval, ByBootstrap}, ok
}

// around is the normal interval of a figure at or above 0.
func around(v, standardError float64) calib.Interval {
	half := distuv.UnitNormal.Quantile((1+intervalLevel)/2) * standardError
	return calib.Interval{Low: max(0, v-half), High: v + half}
}

// Difference is what a remedy changes of a metric on a target, against the row
// of the same method and settings without one: paired by seed and by sample.
type Difference struct {
	Group  Group // of the remedy
	Target string
	Metric string   // key in metrics.json
	Seeds  []string // that both have
	calib.Difference
	// Adjusted is P for the number of differences of the table, by Benjamini and
	// Hochberg.
	Adjusted float64
}

// None says that the remedy changes nothing on any sample, as SaLS no accuracy: that
// is known, and no comparison to test.
func (d Difference) None() bool { return d.Value == 0 && d.StandardError == 0 }

// Told says that the difference is one of those told from zero, of which 5 % are
// expected not to be.
func (d Difference) Told() bool { return d.Adjusted <= 1-intervalLevel }

// byRemedy are the metrics that remedies are compared by.
var byRemedy = []string{"accuracy", "ece"}

// Differences compares every row that has a remedy with the row that has none,
// on every target, in accuracy and ECE; notes name what could not be paired.
func (t *Table) Differences(opt calib.BootstrapOptions) (all []Difference, notes []string, err error) {
	opt.Bins = t.Bins
	for _, g := range t.Groups {
		base, ok := t.base(g)
		if !ok {
			continue
		}
		for _, c := range t.Targets {
			a, b, seeds := pairs(base.Cells[c.Name], g.Cells[c.Name])
			if len(seeds) == 0 {
				continue
			}
			found, err := calib.PairedBootstrapMean(a, b, opt)
			if err != nil { // other samples, or in another order
				notes = append(notes, fmt.Sprintf("%s is not compared with its row without a remedy on %s: %v",
					t.Label(g), c.Name,
					err))
				continue
			}
			for _, key := range byRemedy {
				all = append(all, Difference{Group: g, Target: c.Name, Metric: key, Seeds: seeds,
					Difference: found[key]})
			}
		}
	}
	var p []float64
	for _, d := range all {
		if !d.None() {
			p = append(p, d.P)
		}
	}
	adjusted, err := calib.BenjaminiHochberg(p)
	if err != nil {
		return nil, nil, err
	}
	for i, d := range all {
		if all[i].Adjusted = 1; !d.None() {
			all[i].Adjusted, adjusted = adjusted[0], adjusted[1:]
		}
	}
	return all, notes, nil
}

// base finds the row of a method and its settings without a remedy.
func (t *Table) base(g Group) (Group, bool) {
	if r := g.Fields[fieldRemedy]; r == "" || r == "none" || g.Fields[fieldMethod] == ZeroShot {
		return Group{}, false
	}
	for _, other := range t.Groups {
		if r := other.Fields[fieldRemedy]; other.Fields[fieldMethod] == g.Fields[fieldMethod] && (r == "" ||
			r == "none") &&
			other.Fields.without(fieldRemedy) == g.Fields.without(fieldRemedy) {
			return other, true
		}
	}
	return Group{}, false
}

// pairs are the predictions of two cells by the seeds that both have.
func pairs(a, b []Evaluation) (ofA, ofB []calib.Predictions, seeds []string) {
	for _, x := range a {
		i := slices.IndexFunc(b, func(y Evaluation) bool { return y.Seed == x.Seed })
		if i >= 0 {
			ofA, ofB, seeds = append(ofA, x.Predictions), append(ofB, b[i].Predictions), append(seeds, x.Seed)
		}
	}
	return ofA, ofB, seeds
}

// DifferenceNotes says in words what differences there are.
func DifferenceNotes(all []Difference, draws int) []string {
	if len(all) == 0 {
		return nil
	}
	told, zero, none := 0, 0, 0
	least := map[string][]float64{}
	for _, d := range all {
		if d.None() {
			none++
			continue
		}
		if d.Told() {
			told++
		}
		if d.IncludesZero {
			zero++
		}
		least[d.Metric] = append(least[d.Metric], d.Detectable)
	}
	tested := len(all) - none
	what := fmt.Sprintf("Remedies against none, accuracy and ECE, %d differences by %d paired bootstrap draws "+
		"over samples: ",
		tested, draws)
	switch {
	case tested == 0:
		return []string{"Remedies against none: none of them changes accuracy or ECE on any sample"}
	case zero == tested:
		what += "every difference includes zero"
	case told == 0:
		what += fmt.Sprintf("%d intervals exclude zero, and none is told from zero once their number is counted "+
			"(Benjamini-Hochberg, 5 %%)", tested-zero)
	default:
		what += fmt.Sprintf("%d are told from zero (Benjamini-Hochberg, 5 %%), %d intervals include zero", told, zero)
	}
	if none > 0 {
		what += fmt.Sprintf("; %d more are exactly zero, for the remedy does nothing there", none)
	}
	smallest := "Smallest difference that such samples show with a power of 0.8, median over targets:"
	for _, m := range []struct{ key, name string }{{"accuracy", " accuracy"}, {"ece", " ECE"}} {
		if len(least[m.key]) > 0 {
			smallest += fmt.Sprintf("%s %.1f points,", m.name, 100*median(least[m.key]))
		}
	}
	return []string{what, strings.TrimSuffix(smallest, ",")}
}

// median of at least one value.
func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
