package report

import (
	"fmt"
	"strings"

	"clipcalib/calib"
)

// ResultsTable lists accuracy and ECE in per cent and the mean logit range for
// every method, remedy and target, as mean ± standard deviation over the
// seeds, and for the average over the drifted targets.
func ResultsTable(runs []Run) Table {
	g := groupRuns(runs)
	return g.table(g.columns(), shownMetrics)
}

// SummaryTable is [ResultsTable] for the source and the drift average only (the
// drifted target itself if there is one), which fits a terminal.
func SummaryTable(runs []Run) Table {
	g := groupRuns(runs)
	columns := g.columns()
	for i, c := range columns {
		if !c.source {
			columns = columns[:i+1]
			break
		}
	}
	return g.table(columns, shownMetrics)
}

// ECETable lists the ECE in per cent for every method, remedy and target.
func ECETable(runs []Run) Table {
	g := groupRuns(runs)
	return g.table(g.columns(), shownMetrics[1:2])
}

func (g results) table(columns []column, metrics []shownMetric) Table {
	t := Table{Header: []string{"method"}}
	for _, c := range columns {
		t.Groups = append(t.Groups, len(t.Header))
		for i, m := range metrics {
			switch {
			case len(metrics) == 1:
				t.Header = append(t.Header, c.name)
			case i == 0:
				t.Header = append(t.Header, c.name+" "+m.name)
			default:
				t.Header = append(t.Header, m.name)
			}
		}
	}
	for i, key := range g.rows {
		if i > 0 && key.method != g.rows[i-1].method {
			t.Rules = append(t.Rules, i)
		}
		row := []string{g.name(key)}
		if strings.HasPrefix(row[0], "+") {
			row[0] = "  " + row[0]
		}
		for _, c := range columns {
			for _, m := range metrics {
				text := "–"
				if s, ok := g.meanOver(key, c.targets, m.value); ok {
					text = m.format(s)
				}
				row = append(row, text)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// shownMetric is a metric of the results tables.
type shownMetric struct {
	key    string // in metrics.json
	name   string
	value  func(calib.Metrics) float64
	factor float64
	digits int
}

var shownMetrics = []shownMetric{
	{"accuracy", "acc", accuracy, 100, 1},
	{"ece", "ECE", ece, 100, 1},
	{"logit_range", "range", logitRange, 1, 1},
}

// format writes mean and spread; the spread is left out for a single seed.
func (m shownMetric) format(s Spread) string {
	text := m.mean(s)
	if s.N > 1 {
		text += " ± " + m.spread(s)
	}
	return text
}

func (m shownMetric) mean(s Spread) string {
	return fmt.Sprintf("%.*f", m.digits, m.factor*s.Mean)
}

func (m shownMetric) spread(s Spread) string {
	return fmt.Sprintf("%.*f", m.digits, m.factor*s.Std)
}

// column is a target, or the average over several.
type column struct {
	name    string
	targets []string
	source  bool
	average bool
}

// columns lists the source targets, the average of the drifted ones when there
// are several, and the drifted ones. Where no run learnt from a target, none is known to drift.
func (g results) columns() []column {
	var out []column
	for _, t := range g.targets {
		if g.sources[t] {
			out = append(out, column{name: t, targets: []string{t}, source: true})
		}
	}
	drifted := g.drifted()
	if len(drifted) > 1 {
		name := "drift average"
		if len(out) == 0 {
			name = "average"
		}
		out = append(out, column{name: name, targets: drifted, average: true})
	}
	for _, t := range drifted {
		out = append(out, column{name: t, targets: []string{t}})
	}
	return out
}

// allView is the table of every metric, with the columns of which a reader
// chooses one form.
type allView struct {
	Table
	Forms []string // of every column: "", formClosed or formOpen
}

// The two forms of adaptive and class-wise ECE: closed, every sample counts; and
// open, as the reference's code leaves out what lies on the edges.
const (
	formClosed = "form-closed"
	formOpen   = "form-open"
)

// allMetrics is the table of every metric for every row and target.
func (g results) allMetrics() allView {
	metrics := []struct {
		name   string
		form   string
		value  func(calib.Metrics) float64
		factor float64
		digits int
	}{
		{"accuracy %", "", accuracy, 100, 2},
		{"ECE %", "", ece, 100, 2},
		{"adaptive ECE % (closed)", formClosed, func(m calib.Metrics) float64 { return m.AdaptiveECEClosed }, 100, 2},
		{"adaptive ECE % (paper's code)", formOpen, func(m calib.Metrics) float64 { return m.AdaptiveECE }, 100, 2},
		{"class-wise ECE % (closed)", formClosed, func(m calib.Metrics) float64 { return m.ClasswiseECEClosed }, 100,
			2},
		{"class-wise ECE % (paper's code)", formOpen, func(m calib.Metrics) float64 { return m.ClasswiseECE }, 100, 2},
		{"MCE %", "", func(m calib.Metrics) float64 { return m.MCE }, 100, 2},
		{"ACE %", "", func(m calib.Metrics) float64 { return m.ACE }, 100, 2},
		{"NLL", "", func(m calib.Metrics) float64 { return m.NLL }, 1, 3},
		{"Brier", "", func(m calib.Metrics) float64 { return m.Brier }, 1, 3},
		{"range", "", logitRange, 1, 2},
		{"norm", "", func(m calib.Metrics) float64 { return m.LogitNorm }, 1, 1},
	}
	t := allView{Table: Table{Header: []string{"method", "target"}, Left: 2}, Forms: []string{"", ""}}
	for _, m := range metrics {
		t.Header, t.Forms = append(t.Header, m.name), append(t.Forms, m.form)
	}
	for _, key := range g.rows {
		for _, target := range g.targets {
			c := g.at(key, target)
			if c == nil {
				continue
			}
			name := display(key.method)
			if key.remedy != "" {
				name += " + " + display(key.remedy)
			}
			row := []string{name, target}
			for _, m := range metrics {
				row = append(row, fmt.Sprintf("%.*f", m.digits, m.factor*c.over(m.value).Mean))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}
