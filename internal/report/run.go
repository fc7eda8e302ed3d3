package report

import (
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/table"
)

// ZeroShot is the method name of the unadapted model, the reference of every
// comparison.
const ZeroShot = table.ZeroShot

// Run is one evaluation: a method with a remedy, trained with a seed, measured
// on a target.
type Run struct {
	Method      string // command-line name: "zero-shot", "taskres", "taskres (shots 4)", ...
	Remedy      string // "none" (or empty), "zs-norm", "penalty", "sals", "dac", ...
	Seed        int
	Target      string // name of the data set
	Source      bool   // the target is the data set the method was trained on
	Metrics     calib.Metrics
	Reliability calib.Reliability // may be left empty: no diagram then
	// Validation is the same model on the validation fold of its source, which
	// remedies are chosen on; nil where there is none.
	Validation *calib.Metrics `json:",omitempty"`
	// Intervals of metrics by their keys, for a row of one run; where there are
	// several seeds their spread speaks.
	Intervals map[string]table.Interval `json:"-"`
	// Sets are the figures of conformal sets by how they were made, nil where none
	// were.
	Sets map[string]calib.SetFigures `json:"-"`
}

// Difference is what a remedy changes of a metric on a target, against the method
// without one, in the metric's unit.
type Difference struct {
	Method, Remedy, Target string
	Metric                 string // accuracy or ece
	Value, Low, High       float64
	Adjusted, Detectable   float64
	IncludesZero, Told     bool
}

// display returns the name in the spelling of its authors, or as it is; what
// stands in parentheses behind it, to tell runs of one method apart, is kept.
func display(name string) string {
	if i := strings.Index(name, " ("); i > 0 {
		return table.Display(name[:i]) + name[i:]
	}
	return table.Display(name)
}

// plain says whether a remedy's name means none.
func plain(remedy string) bool { return remedy == "" || strings.EqualFold(remedy, "none") }

// variant names a method with a remedy, as a row or column heading.
func variant(method, remedy string) string {
	if plain(remedy) {
		return display(method)
	}
	return "+ " + display(remedy)
}
