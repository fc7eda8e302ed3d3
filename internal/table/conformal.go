package table

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"clipcalib/calib"
)

// The keys that Conformal adds to an evaluation's values.
const (
	keyCoverage = "conformal_coverage"
	keySetSize  = "conformal_set_size"
)

// Sets are the metrics of conformal sets, for tables that show them.
var Sets = []Metric{
	{keyCoverage, "cover", 100, 1},
	{keySetSize, "size", 1, 1},
}

// Conformal makes sets of classes by split conformal prediction (LAC) for every
// target, calibrated on the validation fold of the same run, and adds how often
// they hold the label and how large they are. On data drawn as the fold is, they
// hold it as often as asked for; on drifted data they do not, and these figures
// show by how much. Notes say what was calibrated on what, and where it could not
// be. A row whose scaler was fitted on the fold has none: the fold is used up.
func (t *Table) Conformal(coverage float64) (notes []string, err error) {
	folds := t.Folds()
	if len(folds) == 0 {
		return nil, nil
	}
	if len(folds) > 1 {
		return []string{fmt.Sprintf("no conformal sets: there are several validation folds to calibrate on (%q)", folds)}, nil
	}
	fold, made, without := folds[0], 0, 0
	samples := math.MaxInt
	said := map[string]bool{}
	say := func(format string, args ...any) {
		if n := fmt.Sprintf(format, args...); !said[n] {
			said[n], notes = true, append(notes, n)
		}
	}
	for _, g := range t.Groups {
		for _, c := range t.Targets {
			if c.Name == fold {
				continue
			}
			cell := g.Cells[c.Name]
			for i := range cell {
				e := &cell[i]
				if e.fitted != nil && !e.fitted.Elsewhere {
					say("rows of scalers that are fitted on %s have no conformal sets: no coverage follows from a fold that was "+
						"fitted on", fold)
					continue
				}
				at := slices.IndexFunc(g.Cells[fold], func(f Evaluation) bool { return f.Seed == e.Seed })
				if at < 0 {
					without++
					continue
				}
				from := g.Cells[fold][at]
				if from.logits.K != e.logits.K {
					say("no conformal sets on %s: it has %d classes, and %s has %d", c.Name, e.logits.K, fold, from.logits.K)
					continue
				}
				if n := shared(from, *e); n > 0 {
					say("no conformal sets on %s: %d of its samples are in %s, which they are calibrated on", c.Name, n, fold)
					continue
				}
				err := e.cover(from, coverage)
				switch {
				case errors.Is(err, calib.ErrFewSamples):
					say("no conformal sets: %s: %v", fold, err)
					return notes, nil
				case err != nil:
					return notes, fmt.Errorf("conformal sets of %s on %s: %w", e.Run, c.Name, err)
				}
				made++
				samples = min(samples, from.logits.N)
			}
		}
	}
	if made > 0 {
		note := fmt.Sprintf("sets of %g %% coverage (LAC) are calibrated on %d samples of %s: they hold the label that often "+
			"where samples are drawn as those are, and not under drift", 100*coverage, samples, fold)
		notes = append(notes, note)
	}
	if without > 0 && made > 0 {
		say("%d evaluations have no conformal sets: their runs were not evaluated on %s", without, fold)
	}
	return notes, nil
}

// cover makes the sets of an evaluation and measures them.
func (e *Evaluation) cover(fold Evaluation, coverage float64) error {
	c, err := calib.FitConformal(fold.logits, fold.labels, calib.ConformalOptions{Score: calib.LAC, Coverage: coverage})
	if err != nil {
		return err
	}
	sets, err := c.Sets(e.logits)
	if err != nil {
		return err
	}
	f, err := calib.EvaluateSets(sets, e.labels, c.Classes, coverage)
	if err != nil {
		return err
	}
	e.sets = &f
	e.Values[keyCoverage], e.Values[keySetSize] = f.Coverage, f.MeanSize
	return nil
}

// Sets are the figures of the conformal sets, nil where there are none.
func (e Evaluation) Sets() *calib.SetFigures { return e.sets }

// shared counts the samples of an evaluation that a fold of the same run holds,
// known by their logits.
func shared(fold, e Evaluation) (n int) {
	rows := map[float64][][]float64{} // by their first logit, which tells most apart
	for i := range fold.logits.N {
		row := fold.logits.Row(i)
		rows[row[0]] = append(rows[row[0]], row)
	}
	for i := range e.logits.N {
		row := e.logits.Row(i)
		if slices.ContainsFunc(rows[row[0]], func(r []float64) bool { return slices.Equal(r, row) }) {
			n++
		}
	}
	return n
}
