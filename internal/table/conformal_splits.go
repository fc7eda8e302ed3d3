package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
)

// BySplits is how an interval over splits of what is measured was made.
const BySplits = "splits"

// ConformalSplits is [Table.Conformal] with sets that are calibrated on half of the
// samples of every target themselves, drawn so many times: figures are medians, and
// 95 per cent of the splits lie in the intervals. Validation folds are left out.
func (t *Table) ConformalSplits(coverage float64, splits int, kinds ...string) (notes []string, err error) {
	said := map[string]bool{}
	say := func(format string, args ...any) {
		if n := fmt.Sprintf(format, args...); !said[n] {
			said[n], notes = true, append(notes, n)
		}
	}
	made := 0
	for _, g := range t.Groups {
		for _, c := range t.Targets {
			if slices.Contains(t.Folds(), c.Name) {
				continue
			}
			for i := range g.Cells[c.Name] {
				e := &g.Cells[c.Name][i]
				for _, kind := range kinds {
					all, err := MeasureSplits(kind, coverage, splits, e.rows())
					if errors.Is(err, calib.ErrFewSamples) {
						say("no sets by %s on %s: %v", kind, c.Name, err)
						continue
					}
					if err != nil {
						return notes, fmt.Errorf("conformal sets (%s) of %s on %s: %w", kind, e.Run, c.Name, err)
					}
					e.setSplits(kind, all)
					made++
				}
			}
		}
	}
	if made > 0 {
		say("sets of %g %% coverage (%s) are calibrated on half of the measured samples, drawn class by class %d "+
			"times: medians, and of one run the interval that 95 %% of the splits lie in", 100*coverage,
			strings.ToUpper(strings.Join(kinds, ", ")), splits)
	}
	return notes, nil
}

// setSplits takes up the figures of all splits.
func (e *Evaluation) setSplits(kind string, all []calib.SetFigures) {
	if e.overSplits == nil {
		e.overSplits = map[string]calib.Interval{}
	}
	f := calib.SetFigures{Samples: all[0].Samples}
	for _, m := range []struct {
		key  string
		into *float64
		of   func(calib.SetFigures) float64
	}{
		{keyCoverage, &f.Coverage, func(f calib.SetFigures) float64 { return f.Coverage }},
		{keySetSize, &f.MeanSize, func(f calib.SetFigures) float64 { return f.MeanSize }},
		{keyClassGap, &f.ClassGap, func(f calib.SetFigures) float64 { return f.ClassGap }},
	} {
		values := make([]float64, len(all))
		for i, one := range all {
			values[i] = m.of(one)
		}
		median, over := OverSplits(values)
		*m.into, e.overSplits[setKey(m.key, kind)] = median, over
	}
	f.CoverageInterval = e.overSplits[setKey(keyCoverage, kind)]
	e.setFigures(kind, f)
}
