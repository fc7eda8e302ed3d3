package table

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/run"
)

// chooseOnFold chooses by the validation fold.
func (t *Table) chooseOnFold(f family, o ChooseOptions, allowance float64) ([]Choice, []string, error) {
	fold := ""
	var several []string
	for _, c := range t.Targets {
		if c.Validation && len(f.none.Cells[c.Name]) > 0 && (c.Source || f.none.Cells[c.Name][0].learnt == "") {
			fold, several = c.Name, append(several, c.Name)
		}
	}
	switch {
	case fold == "":
		return nil,
			[]string{fmt.Sprintf("%s has no choice on a validation fold: it was not evaluated on one (clipcalib eval "+
				"RUN --data SOURCE#val)", t.Label(*f.none))}, nil
	case len(several) > 1:
		return nil, []string{fmt.Sprintf("%s has no choice on a validation fold: there are several (%q)",
			t.Label(*f.none),
			several)}, nil
	}
	c := Choice{Rule: ByValidation, Metric: o.Metric, On: fold, Seeds: f.none.seedsOn(fold)}
	var all []calib.Predictions
	var notes []string
	for _, g := range f.rows {
		cell, ok := g.under(fold, c.Seeds)
		if !ok {
			notes = append(notes,
				fmt.Sprintf("%s is no candidate: it was not measured on %s under all seeds of the row "+
					"without a remedy", t.Label(*g), fold))
			continue
		}
		for _, e := range cell {
			if err := e.unlearnt(); err != nil {
				return nil, []string{fmt.Sprintf("%s has no choice on a validation fold: %v", t.Label(*f.none), err)},
					nil
			}
			all = append(all, e.Predictions)
		}
		c.Candidates = append(c.Candidates, t.candidate(g))
	}
	c.Samples = all[0].Samples()
	points, draws, err := calib.JointBootstrap(all, o.BootstrapOptions)
	if err != nil {
		return nil, nil, err
	}
	if _, ok := points[0][o.Metric]; !ok || o.Metric == "accuracy" {
		return nil, nil, fmt.Errorf("metric %q: choose ece, nll, brier, mce, ace or adaptive_ece_closed", o.Metric)
	}
	seeds := len(c.Seeds)
	mean := func(of func(i int) float64, k int) (v float64) {
		for s := range seeds {
			v += of(k*seeds+s) / float64(seeds)
		}
		return v
	}
	scores, accuracies := make([]float64, len(c.Candidates)), make([]float64, len(c.Candidates))
	drawn, drawnAccuracies := make([][]float64, len(c.Candidates)), make([][]float64, len(c.Candidates))
	for k := range c.Candidates {
		scores[k] = mean(func(i int) float64 { return points[i][o.Metric] }, k)
		accuracies[k] = mean(func(i int) float64 { return points[i]["accuracy"] }, k)
		n := len(draws[0][o.Metric])
		drawn[k], drawnAccuracies[k] = make([]float64, n), make([]float64, n)
		for d := range n {
			drawn[k][d] = mean(func(i int) float64 { return draws[i][o.Metric][d] }, k)
			drawnAccuracies[k][d] = mean(func(i int) float64 { return draws[i]["accuracy"][d] }, k)
		}
		one := &c.Candidates[k]
		one.Score, one.Accuracy = scores[k], &accuracies[k]
		if accuracies[k] < accuracies[0]-allowance {
			one.Eligible = false
			one.Why = fmt.Sprintf("costs %.1f points of accuracy, and %g are allowed",
				100*(accuracies[0]-accuracies[k]),
				100*allowance)
		}
	}
	c.decide(scores, drawn, func(d int) int {
		best := 0
		for k := range scores {
			s, a, a0 := scores[k], accuracies[k], accuracies[0]
			least := scores[best]
			if d >= 0 {
				s, a, a0, least = drawn[k][d], drawnAccuracies[k][d], drawnAccuracies[0][d], drawn[best][d]
			}
			if a >= a0-allowance && s < least {
				best = k
			}
		}
		return best
	})
	return []Choice{c}, notes, nil
}

// chooseByRange chooses on each target by the ranges of its logits. What is
// compared with the zero-shot model's range is nothing but that model itself in
// the zero-shot rows, which have no such choice.
func (t *Table) chooseByRange(f family, o ChooseOptions, allowance float64) (all []Choice, notes []string, err error) {
	if f.none.Fields[fieldMethod] == ZeroShot {
		return nil, nil, nil
	}
	folds := t.Folds()
	for _, target := range t.Targets {
		if slices.Contains(folds, target.Name) || len(f.none.Cells[target.Name]) == 0 {
			continue
		}
		c := Choice{Rule: ByRange, On: target.Name, Seeds: f.none.seedsOn(target.Name)}
		var logs [][]float64 // of every candidate: mean |log ratio| of each sample, over the seeds
		var signed []float64 // of none: mean log ratio
		for _, g := range f.rows {
			cell, ok := g.under(target.Name, c.Seeds)
			if !ok {
				notes = append(notes,
					fmt.Sprintf("%s is no candidate on %s: it was not measured under all seeds of the row "+
						"without a remedy", t.Label(*g), target.Name))
				continue
			}
			distance, width := logRatios(cell)
			if len(c.Candidates) == 0 {
				c.Samples, signed = len(distance), width
			}
			if len(distance) != c.Samples {
				return nil, nil, fmt.Errorf("%s has %d samples on %s, and the row without a remedy %d", t.Label(*g),
					len(distance), target.Name, c.Samples)
			}
			ratio := math.Exp(meanOf(width))
			k := t.candidate(g)
			k.Score, k.Ratio = meanOf(distance), &ratio
			c.Candidates = append(c.Candidates, k)
			logs = append(logs, distance)
		}
		limit := math.Log1p(allowance)
		drawn, widths := resampledMeans(append(slices.Clone(logs), signed), o.BootstrapOptions)
		scores := make([]float64, len(logs))
		for k := range logs {
			scores[k] = c.Candidates[k].Score
		}
		c.decide(scores, drawn, func(d int) int {
			width, of := meanOf(signed), func(k int) float64 { return scores[k] }
			if d >= 0 {
				width, of = widths[d], func(k int) float64 { return drawn[k][d] }
			}
			if width <= limit {
				return 0
			}
			best := 0
			for k := range scores {
				if of(k) < of(best) {
					best = k
				}
			}
			return best
		})
		all = append(all, c)
	}
	return all, notes, nil
}

// logRatios are, for every sample, the means over runs of |log ratio| and of the
// log ratio of its range to the zero-shot model's.
func logRatios(cell []Evaluation) (distance, width []float64) {
	n := len(cell[0].Ranges)
	distance, width = make([]float64, n), make([]float64, n)
	for _, e := range cell {
		if len(e.Ranges) != n || len(e.reference) != n {
			return nil, nil
		}
		for i, r := range e.Ranges {
			l := math.Log(max(run.RangeRatio(r, e.reference[i]), 1e-6)) // a range of 0 stays finite
			distance[i] += math.Abs(l) / float64(len(cell))
			width[i] += l / float64(len(cell))
		}
	}
	return distance, width
}

func meanOf(values []float64) float64 { return SpreadOf(values).Mean }

// resampledMeans are the means of several lists in bootstrap draws of the same
// samples; those of the last list come apart.
func resampledMeans(lists [][]float64, o calib.BootstrapOptions) (all [][]float64, last []float64) {
	draws := o.Draws
	if draws == 0 {
		draws = 1000
	}
	all = make([][]float64, len(lists))
	for k := range all {
		all[k] = make([]float64, draws)
	}
	n := len(lists[0])
	for d := range draws {
		rng := rand.New(rand.NewPCG(o.Seed, uint64(d)))
		for range n {
			i := rng.IntN(n)
			for k, list := range lists {
				all[k][d] += list[i] / float64(n)
			}
		}
	}
	return all[:len(all)-1], all[len(all)-1]
}
