package referee

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/internal/named"
)

// File is published tables of one source.
type File struct {
	Name   string
	Title  string
	Source string
	Bins   int // of its ECE; 0 is not said
	Tables []Table
}

// Table is a printed table.
type Table struct {
	Name    string
	Columns []Column
	Average int // index of the column that prints the average of the others; -1 is none
	Rows    []Row
}

// Column is a column of figures.
type Column struct {
	Name    string
	Metric  string // "" where the rows say it
	Samples int    // that its accuracies are shares of; 0 is not known
}

// Row is a row of figures.
type Row struct {
	Name   string
	Metric string // "" where the columns say it
	Of     string // the row that its changes are from
	// Keeps are the metrics that this row must have from the row Of, since it
	// scales logits sample by sample.
	Keeps []string
	// MeanOf are the rows that this one is the average of.
	MeanOf []string
	Seeds  int // runs behind each figure; 0 is not said
	cells  []cell
}

// The metrics that checks know.
const (
	accuracy   = "accuracy"
	ece        = "ece"
	mce        = "mce"
	ace        = "ace"
	confidence = "confidence"
	nll        = "nll"
	brier      = "brier"
	logitRange = "logit_range"
	logitNorm  = "logit_norm"
)

// Metrics are the names that rows and columns may have as their metric: those
// of metrics.json, and the mean confidence. All but nll, brier and what is of
// logits are in percent.
var Metrics = []string{accuracy, ece, mce, ace, "adaptive_ece", "classwise_ece", nll, brier, confidence, logitRange,
	logitNorm}

// metric is what the figure in a column of a row measures.
func (t *Table) metric(r Row, column int) string {
	if r.Metric != "" {
		return r.Metric
	}
	return t.Columns[column].Metric
}

// label names a row in findings: by its metric too where rows of one name have
// several.
func (t *Table) label(r Row) string {
	if r.Metric == "" {
		return r.Name
	}
	return r.Name + " " + strings.ToUpper(shortMetric(r.Metric))
}

func shortMetric(metric string) string {
	if metric == accuracy {
		return "acc"
	}
	return metric
}

// find is the row of a name and metric.
func (t *Table) find(name, metric string) (Row, bool) {
	i := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Name == name && r.Metric == metric })
	if i < 0 {
		return Row{}, false
	}
	return t.Rows[i], true
}

// The bounds of a file: more is no published table.
const (
	maxFile  = 1 << 20
	maxCells = 20_000
	maxSeeds = 10_000
	maxN     = 1_000_000_000
)

// check refuses what no check could be made of, and what would be checked
// against the wrong row or column.
func (f *File) check() error {
	cells := 0
	if len(f.Tables) == 0 {
		return fmt.Errorf("it holds no table")
	}
	for i := range f.Tables {
		t := &f.Tables[i]
		if err := t.check(); err != nil {
			return fmt.Errorf("table %q: %w", t.Name, err)
		}
		if cells += len(t.Rows) * len(t.Columns); cells > maxCells {
			return fmt.Errorf("more than %d figures: name fewer tables in one file", maxCells)
		}
		for _, other := range f.Tables[:i] {
			if other.Name == t.Name {
				return fmt.Errorf("two tables have the name %q", t.Name)
			}
		}
	}
	return nil
}

func (t *Table) check() error {
	for i, c := range t.Columns {
		if slices.ContainsFunc(t.Columns[:i], func(d Column) bool { return c.Name == d.Name }) {
			return fmt.Errorf("two columns have the name %q", c.Name)
		}
		if c.Samples < 0 || c.Samples > maxN {
			return fmt.Errorf("column %q: %d samples", c.Name, c.Samples)
		}
		if err := knownMetric(c.Metric); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	if len(t.Columns) == 0 || len(t.Rows) == 0 {
		return fmt.Errorf("it has no columns or no rows")
	}
	for i, r := range t.Rows {
		if err := t.checkRow(i, r); err != nil {
			return fmt.Errorf("row %q: %w", t.label(r), err)
		}
	}
	return nil
}

func (t *Table) checkRow(i int, r Row) error {
	switch {
	case len(r.cells) != len(t.Columns):
		return fmt.Errorf("%d cells under %d columns", len(r.cells), len(t.Columns))
	case r.Seeds < 0 || r.Seeds > maxSeeds:
		return fmt.Errorf("%d seeds", r.Seeds)
	case r.Of == r.Name && r.Of != "":
		return fmt.Errorf("it is of itself")
	case slices.ContainsFunc(t.Rows[:i], func(o Row) bool { return o.Name == r.Name && o.Metric == r.Metric }):
		return fmt.Errorf("it is there twice")
	}
	if err := knownMetric(r.Metric); err != nil {
		return err
	}
	for _, m := range r.Keeps {
		if err := knownMetric(m); err != nil {
			return err
		}
	}
	if len(r.Keeps) > 0 && r.Of == "" {
		return fmt.Errorf("keeps wants of, the row that it keeps figures of")
	}
	for j := range t.Columns {
		if r.Metric != "" && t.Columns[j].Metric != "" {
			return fmt.Errorf("both the row and column %q say a metric: let one say it", t.Columns[j].Name)
		}
	}
	refers := slices.Clone(r.MeanOf)
	if r.Of != "" {
		refers = append(refers, r.Of)
	}
	for _, name := range refers {
		if _, ok := t.find(name, r.Metric); !ok {
			var known []string
			for _, o := range t.Rows {
				known = append(known, o.Name)
			}
			return fmt.Errorf("there is no row %q of its metric%s", name, named.Suggestion(name, known))
		}
	}
	return nil
}

func knownMetric(m string) error {
	if m == "" || slices.Contains(Metrics, m) {
		return nil
	}
	return fmt.Errorf("unknown metric %q; known are %s", m, strings.Join(Metrics, ", "))
}
