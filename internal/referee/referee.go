package referee

import (
	"fmt"
	"slices"
)

// Verdict is what a check says of a printed figure.
type Verdict string

// The verdicts. A figure that repeats may be right; it is said since so many
// equal figures are unlikely by chance.
const (
	Agrees     Verdict = "agrees"
	Differs    Verdict = "differs"    // the printed figures contradict each other beyond rounding
	Impossible Verdict = "impossible" // no data could give the figure
	Repeats    Verdict = "repeats"    // more figures equal another row's than chance gives
)

// The kinds of checks.
const (
	Average   = "average"   // the column that averages the others
	Mean      = "mean"      // the row that averages others
	Change    = "change"    // the change in brackets
	Kept      = "kept"      // a figure that scaling of logits cannot change
	Copy      = "copy"      // figures of one row in another
	Share     = "share"     // an accuracy as k of N
	Bound     = "bound"     // between metrics, or of one
	Deviation = "deviation" // a standard deviation
	Best      = "best"      // a mark of the best
)

// Check is one thing that was recomputed.
type Check struct {
	Table    string  `json:"table"`
	Row      string  `json:"row"`
	Metric   string  `json:"metric,omitempty"`
	Column   string  `json:"column,omitempty"`
	Kind     string  `json:"kind"`
	Printed  string  `json:"printed"`
	Computed string  `json:"computed,omitempty"`
	By       float64 `json:"by"` // printed less computed; 0 where there is no one number
	Verdict  Verdict `json:"verdict"`
	Words    string  `json:"words,omitempty"` // why, and what would explain it
}

// Report is what the checks of a file came to.
type Report struct {
	Name   string  `json:"name"`
	Title  string  `json:"title,omitempty"`
	Source string  `json:"source,omitempty"`
	Bins   int     `json:"bins,omitempty"`
	Checks []Check `json:"checks"`
	// Unchecked says what could not be recomputed, and why.
	Unchecked []string `json:"unchecked"`
}

// Findings are the checks that did not agree.
func (r Report) Findings() []Check {
	return slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return c.Verdict == Agrees })
}

// Count counts the checks of a kind and those that agree; "" is all kinds.
func (r Report) Count(kind string) (checked, agree int) {
	for _, c := range r.Checks {
		if kind != "" && c.Kind != kind {
			continue
		}
		checked++
		if c.Verdict == Agrees {
			agree++
		}
	}
	return checked, agree
}

// Kinds are the kinds of checks that a report has, in the order of their
// making.
func (r Report) Kinds() (kinds []string) {
	for _, c := range r.Checks {
		if !slices.Contains(kinds, c.Kind) {
			kinds = append(kinds, c.Kind)
		}
	}
	return kinds
}

// Examine recomputes what can be of a file.
func Examine(f File) Report {
	r := Report{Name: f.Name, Title: f.Title, Source: f.Source, Bins: f.Bins, Checks: []Check{}, Unchecked: []string{}}
	for i := range f.Tables {
		e := examiner{Table: &f.Tables[i], report: &r, rounded: map[int][]cell{}, slips: map[int][]slip{}}
		e.examine()
	}
	r.copies(f)
	return r
}

// examiner makes the checks of one table.
type examiner struct {
	*Table
	report  *Report
	rounded map[int][]cell // rows with their rounding read
	slips   map[int][]slip // of averages, by their place among the checks
}

func (e *examiner) examine() {
	for i := range e.Rows {
		row := e.row(i)
		if e.Average >= 0 {
			e.average(i, row)
		}
		e.meanOf(i, row)
		e.changes(i, row)
		for j, c := range row {
			if !c.scored {
				continue
			}
			e.bound(i, j, c)
			e.share(i, j, c)
			e.deviation(i, j, c)
		}
	}
	e.explain()
	e.between()
	e.bests()
}

// row is a row's cells with the rounding that they show.
func (e *examiner) row(i int) []cell {
	if e.rounded[i] == nil {
		cells := slices.Clone(e.Rows[i].cells)
		readRounding(cells)
		e.rounded[i] = cells
	}
	return e.rounded[i]
}

// rowOf is the index and cells of the row with a name, of the metric of row i.
func (e *examiner) rowOf(i int, name string) (int, []cell) {
	k := slices.IndexFunc(e.Rows, func(r Row) bool { return r.Name == name && r.Metric == e.Rows[i].Metric })
	return k, e.row(k)
}

// note adds a check of the cell in row i and column j.
func (e *examiner) note(i, j int, c Check) {
	c.Table, c.Row, c.Metric, c.Column = e.Name, e.Rows[i].Name, e.metric(e.Rows[i], j), e.Columns[j].Name
	if c.Verdict == "" {
		c.Verdict = Agrees
	}
	e.report.Checks = append(e.report.Checks, c)
}

func (e *examiner) unchecked(format string, args ...any) {
	e.report.Unchecked = append(e.report.Unchecked, e.Name+": "+fmt.Sprintf(format, args...))
}

// compare checks a printed figure against the interval of what it must be.
func compare(kind string, printed figure, want interval) Check {
	middle := (want.low + want.high) / 2
	c := Check{Kind: kind, Printed: printed.text, Computed: digits(middle, printed.unit), By: printed.v - middle}
	if !printed.interval().meets(want) {
		c.Verdict = Differs
	}
	return c
}
