package cli

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"clipcalib/calib"
)

// summary is what calibrate found out.
type summary struct {
	flags         calibrateFlags
	remedied      remedied
	opt           calib.Options
	before, after calib.Predictions
	notes         []string

	intervals, intervalsBefore calib.Resampled
	differences                map[string]calib.Difference
}

func (s *summary) resample() (err error) {
	if s.flags.draws == 0 {
		return nil
	}
	opt := calib.BootstrapOptions{Draws: s.flags.draws, Level: s.flags.level, Seed: s.flags.seed, Options: s.opt}
	if !s.remedied.changed() {
		s.intervals, err = s.after.Bootstrap(opt)
		return err
	}
	s.intervalsBefore, s.intervals, s.differences, err = calib.Compare(s.before, s.after, opt)
	return err
}

// figures are the metrics and what stands beside them in JSON.
type figures struct {
	calib.Metrics
	AUROC           *float64 `json:"auroc"` // null where all are right or all wrong
	AURC            *float64 `json:"aurc"`  // null for one sample
	SmoothECE       float64  `json:"smooth_ece"`
	SmoothECEWidth  float64  `json:"smooth_ece_width"`
	DebiasedECE     float64  `json:"debiased_ece"`
	DebiasedL2Error float64  `json:"debiased_l2_error"`
	MeanConfidence  float64  `json:"mean_confidence"`
}

func (s *summary) figures(p calib.Predictions) figures {
	f := figures{Metrics: p.Metrics(s.opt), AUROC: defined(p.AUROC()), AURC: defined(p.AURC()),
		DebiasedECE: p.DebiasedECE(s.opt.Bins), DebiasedL2Error: p.DebiasedL2Error(s.opt.FineBins),
		MeanConfidence: p.MeanConfidence()}
	f.SmoothECE, f.SmoothECEWidth = p.SmoothECE()
	return f
}

func defined(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// calibrateDocument is calibrate's JSON. The metrics at its top are those
// after the remedy.
type calibrateDocument struct {
	figures
	Remedy          string                      `json:"remedy"`
	Samples         int                         `json:"samples"`
	Classes         int                         `json:"classes"`
	Bins            int                         `json:"bins"`
	FineBins        int                         `json:"fine_bins"`
	Probabilities   bool                        `json:"probabilities,omitempty"`
	Temperature     *calib.TemperatureFit       `json:"temperature,omitempty"`
	Fold            *calib.Fold                 `json:"fold,omitempty"`
	DAC             *dacFactors                 `json:"dac,omitempty"`
	Before          *figures                    `json:"before,omitempty"`
	Draws           int                         `json:"draws"`
	Level           float64                     `json:"level"`
	Seed            uint64                      `json:"seed"`
	Intervals       calib.Resampled             `json:"intervals,omitempty"`
	IntervalsBefore calib.Resampled             `json:"intervals_before,omitempty"`
	Differences     map[string]calib.Difference `json:"differences,omitempty"`
	Reliability     calib.Reliability           `json:"reliability"`
	BeforeBins      *calib.Reliability          `json:"reliability_before,omitempty"`
	PerClass        []calib.ClassFigures        `json:"per_class"`
	Notes           []string                    `json:"notes"`
}

func (s *summary) document() calibrateDocument {
	r := s.remedied
	d := calibrateDocument{
		figures: s.figures(s.after), Remedy: r.name, Samples: s.after.Samples(), Classes: s.after.Classes(),
		Bins: s.flags.bins, FineBins: s.flags.fineBins, Probabilities: s.flags.probabilities,
		Temperature: r.temperature(), DAC: r.dac,
		Draws: s.flags.draws, Level: s.flags.level, Seed: s.flags.seed,
		Intervals: s.intervals, IntervalsBefore: s.intervalsBefore, Differences: s.differences,
		Reliability: s.after.Reliability(s.flags.bins), PerClass: s.after.PerClass(s.flags.fineBins), Notes: s.notes,
	}
	if d.Notes == nil {
		d.Notes = []string{}
	}
	if r.saved != nil {
		d.Fold = &r.saved.Fold
	}
	if r.changed() {
		before, bins := s.figures(s.before), s.before.Reliability(s.flags.bins)
		d.Before, d.BeforeBins = &before, &bins
	}
	return d
}

// line is one row of the table of metrics; key is that of the intervals.
type line struct {
	name, key, unit string
	scale           float64
	of              func(f figures) float64
}

var calibrateLines = []line{
	{"accuracy", "accuracy", "%", 100, func(f figures) float64 { return f.Accuracy }},
	{"ECE", "ece", "%", 100, func(f figures) float64 { return f.ECE }},
	{"adaptive ECE (closed)", "adaptive_ece_closed", "%", 100,
		func(f figures) float64 { return f.AdaptiveECEClosed }},
	{"classwise ECE (closed)", "", "%", 100, func(f figures) float64 { return f.ClasswiseECEClosed }},
	{"smooth ECE", "", "%", 100, func(f figures) float64 { return f.SmoothECE }},
	{"debiased ECE", "", "%", 100, func(f figures) float64 { return f.DebiasedECE }},
	{"MCE", "mce", "%", 100, func(f figures) float64 { return f.MCE }},
	{"ACE", "ace", "%", 100, func(f figures) float64 { return f.ACE }},
	{"NLL", "nll", "nats", 1, func(f figures) float64 { return f.NLL }},
	{"Brier", "brier", "", 1, func(f figures) float64 { return f.Brier }},
	{"AUROC", "auroc", "%", 100, func(f figures) float64 { return value(f.AUROC) }},
	{"AURC", "aurc", "%", 100, func(f figures) float64 { return value(f.AURC) }},
	{"logit range", "logit_range", "", 1, func(f figures) float64 { return f.LogitRange }},
	{"logit norm", "logit_norm", "", 1, func(f figures) float64 { return f.LogitNorm }},
}

func value(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

const closedForms = "closed: every sample counts; JSON has the open forms of the paper's code too"

func (s *summary) print(out io.Writer) error {
	r := s.remedied
	fmt.Fprintf(out, "%d samples, %d classes, remedy %s%s\n", s.after.Samples(), s.after.Classes(), r.name, r.words())
	if r.saved != nil {
		f := r.saved.Fold
		fmt.Fprintf(out, "  fitted on %s", f.Logits)
		if f.Rows != "" {
			fmt.Fprintf(out, ", %s", f.Rows)
		}
		fmt.Fprintf(out, ": %d samples, NLL %.4f before, %.4f after\n", f.Samples, f.NLLBefore, f.NLL)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	after := s.figures(s.after)
	if r.changed() {
		before := s.figures(s.before)
		fmt.Fprintf(w, "  \tbefore\t\tafter\t\n")
		for _, l := range calibrateLines {
			fmt.Fprintln(w, trimmed(fmt.Sprintf("  %s\t%s\t%s\t%s\t%s", l.name,
				l.figure(before), l.interval(s.intervalsBefore), l.figure(after), l.interval(s.intervals))))
		}
	} else {
		for _, l := range calibrateLines {
			fmt.Fprintln(w, trimmed(fmt.Sprintf("  %s\t%s\t%s", l.name, l.figure(after), l.interval(s.intervals))))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "  (%s", closedForms)
	if s.flags.draws > 0 {
		fmt.Fprintf(out, ";\n  intervals of %g %% by %d bootstrap draws)\n", 100*s.flags.level, s.flags.draws)
	} else {
		fmt.Fprintln(out, ")")
	}
	if err := s.printDifferences(out); err != nil {
		return err
	}
	if err := s.printBins(out); err != nil || !s.flags.perClass {
		return err
	}
	return s.printClasses(out)
}

func trimmed(line string) string { return strings.TrimRight(line, " \t") }

func (l line) figure(f figures) string {
	v := l.of(f)
	if math.IsNaN(v) {
		return "undefined"
	}
	return trimmed(fmt.Sprintf("%.4f %s", l.scale*v, l.unit))
}

func (l line) interval(of calib.Resampled) string {
	e, ok := of[l.key]
	if !ok {
		return ""
	}
	digits := 1
	if l.scale == 1 {
		digits = 3
	}
	return fmt.Sprintf("[%.*f, %.*f]", digits, l.scale*e.Low, digits, l.scale*e.High)
}

// printDifferences says in words what the remedy changed beyond chance.
func (s *summary) printDifferences(out io.Writer) error {
	if s.differences == nil {
		return nil
	}
	if calib.EveryDifferenceIncludesZero(s.differences) {
		_, err := fmt.Fprintln(out, "  after less before: every difference includes zero")
		return err
	}
	var told, not []string
	for _, l := range calibrateLines[:12] {
		d, ok := s.differences[l.key]
		switch {
		case !ok:
		case d.IncludesZero:
			not = append(not, l.name)
		case slices.Contains([]string{"accuracy", "ece", "nll", "brier"}, l.key):
			told = append(told, fmt.Sprintf("%s %+.4g [%.4g, %.4g]", l.name, l.scale*d.Value, l.scale*d.Low,
				l.scale*d.High))
		}
	}
	if len(told) > 0 {
		fmt.Fprintf(out, "  after less before: %s\n", strings.Join(told, ",\n    "))
	}
	if len(not) > 0 {
		fmt.Fprintf(out, "  difference includes zero: %s\n", strings.Join(not, ", "))
	}
	return nil
}

// printMetrics prints fractions as percent, the rest as they are.
func (a *app) printMetrics(m calib.Metrics) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, r := range []struct {
		name string
		v    float64
		unit string
	}{
		{"accuracy", 100 * m.Accuracy, "%"}, {"ECE", 100 * m.ECE, "%"},
		{"adaptive ECE (closed)", 100 * m.AdaptiveECEClosed, "%"}, {"classwise ECE (closed)",
			100 * m.ClasswiseECEClosed, "%"},
		{"MCE", 100 * m.MCE, "%"}, {"ACE", 100 * m.ACE, "%"},
		{"NLL", m.NLL, "nats"}, {"Brier", m.Brier, ""},
		{"logit range", m.LogitRange, ""}, {"logit norm", m.LogitNorm, ""},
	} {
		fmt.Fprintln(w, trimmed(fmt.Sprintf("  %s\t%.4f %s", r.name, r.v, r.unit)))
	}
	fmt.Fprintf(w, "  (%s)\n", closedForms)
	return w.Flush()
}
