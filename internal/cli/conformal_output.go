package cli

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"clipcalib/calib"
	"clipcalib/internal/table"
)

// spread is the median over splits and where 95 per cent of them lie.
type spread struct {
	Median float64 `json:"median"`
	calib.Interval
}

func spreadOf(all []calib.SetFigures, of func(calib.SetFigures) float64) spread {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	median, i := table.OverSplits(values)
	return spread{median, i}
}

// conformalScore is one score's part of the JSON.
type conformalScore struct {
	Score     string            `json:"score"`
	Threshold *float64          `json:"threshold,omitempty"`
	MeanSize  float64           `json:"mean_size"`
	Unassured []int             `json:"unassured_classes"`
	Figures   *calib.SetFigures `json:"figures,omitempty"` // of one fold, with labels
	Coverage  *spread           `json:"coverage_over_splits,omitempty"`
	Size      *spread           `json:"size_over_splits,omitempty"`
	ClassGap  *spread           `json:"class_gap_over_splits,omitempty"`
}

type conformalDocument struct {
	Method      string           `json:"method"`
	Coverage    float64          `json:"coverage"`
	Samples     int              `json:"samples"`
	Calibration int              `json:"calibration_samples"`
	Classes     int              `json:"classes"`
	Randomized  bool             `json:"randomized"`
	ByClass     bool             `json:"by_class"`
	Seed        uint64           `json:"seed"`
	Splits      int              `json:"splits"`
	Expected    *calib.Interval  `json:"expected_coverage,omitempty"` // 95 per cent, exact, for one split
	Scores      []conformalScore `json:"scores"`
	Notes       []string         `json:"notes"`
}

// expected is where the coverage of one split lies; the formula is that of
// split conformal prediction with one threshold.
func (f conformalFlags) expected(in *conformalInput) *calib.Interval {
	if f.byClass || f.method == "full" {
		return nil
	}
	i, err := calib.CoverageInterval(in.calibration, in.samples, f.coverage, calib.DefaultLevel)
	if err != nil {
		return nil
	}
	return &i
}

func (f conformalFlags) document(in *conformalInput, results []conformalResult) conformalDocument {
	d := conformalDocument{Method: f.method, Coverage: f.coverage, Samples: in.samples,
		Calibration: in.calibration, Classes: in.classes,
		Randomized: f.randomized, ByClass: f.byClass, Seed: f.seed, Splits: f.splits, Expected: f.expected(in),
		Notes: in.notes}
	if d.Notes == nil {
		d.Notes = []string{}
	}
	for _, r := range results {
		s := conformalScore{Score: r.score, MeanSize: r.meanSize, Unassured: r.unassured}
		if s.Unassured == nil {
			s.Unassured = []int{}
		}
		switch {
		case f.splits > 0:
			c, n, g := r.spreads()
			s.Coverage, s.Size, s.ClassGap, s.MeanSize = &c, &n, &g, n.Median
		default:
			if len(r.figures) > 0 {
				s.Figures = &r.figures[0]
			}
			if !f.byClass && f.method != "full" && !math.IsInf(r.threshold, 0) {
				s.Threshold = &r.threshold
			}
		}
		d.Scores = append(d.Scores, s)
	}
	return d
}

func (r conformalResult) spreads() (coverage, size, gap spread) {
	return spreadOf(r.figures, func(f calib.SetFigures) float64 { return f.Coverage }),
		spreadOf(r.figures, func(f calib.SetFigures) float64 { return f.MeanSize }),
		spreadOf(r.figures, func(f calib.SetFigures) float64 { return f.ClassGap })
}

func (f conformalFlags) print(out io.Writer, in *conformalInput, results []conformalResult) error {
	fmt.Fprintf(out, "%d samples, %d classes, %s, coverage %g, %d calibration samples", in.samples, in.classes,
		f.method, f.coverage, in.calibration)
	if f.splits > 0 {
		fmt.Fprintf(out, ", %d splits", f.splits)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	switch {
	case f.splits > 0:
		fmt.Fprintf(w, "score\tcoverage %%\t\tset size\t\tclass gap %%\t\t\n")
	case in.labels != nil:
		fmt.Fprintf(w,
			"score\tcoverage %%\t\tset size\tmedian\tempty %%\tone class %%\tclass gap %%\tworst class %%\t\n")
	default:
		fmt.Fprintf(w, "score\tset size\t\n")
	}
	for _, r := range results {
		switch {
		case f.splits > 0:
			c, n, g := r.spreads()
			fmt.Fprintf(w, "%s\t%.2f\t[%.1f, %.1f]\t%.2f\t[%.2f, %.2f]\t%.2f\t[%.1f, %.1f]\t\n", r.score,
				100*c.Median, 100*c.Low, 100*c.High, n.Median, n.Low, n.High, 100*g.Median, 100*g.Low, 100*g.High)
		case in.labels != nil:
			m := r.figures[0]
			fmt.Fprintf(w, "%s\t%.2f\t[%.1f, %.1f]\t%.2f\t%g\t%.1f\t%.1f\t%.2f\t%.1f (%d)\t\n", r.score,
				100*m.Coverage, 100*m.CoverageInterval.Low, 100*m.CoverageInterval.High, m.MeanSize, m.MedianSize,
				100*m.Empty, 100*m.Singletons, 100*m.ClassGap, 100*m.WorstCoverage, m.WorstClass)
		default:
			fmt.Fprintf(w, "%s\t%.2f\t\n", r.score, r.meanSize)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if e := f.expected(in); e != nil && in.labels != nil {
		fmt.Fprintf(out, "  (by chance the coverage of one split lies within %.1f and %.1f %% in 95 of 100)\n",
			100*e.Low, 100*e.High)
	}
	return nil
}
