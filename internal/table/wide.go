package table

import (
	"slices"
	"strconv"
	"strings"
)

// Wide is the table for people: a row a group, and for every target the
// metrics, each as mean ± standard deviation over the seeds; with several
// drifted targets also their average.
func (t *Table) Wide(metrics []Metric) Grid {
	columns := t.wideColumns()
	g := Grid{Header: []string{"method"}}
	for _, name := range t.Shown {
		g.Header = append(g.Header, fieldTitle(name))
	}
	fitted := t.anyFitted()
	if fitted {
		g.Header = append(g.Header, "fitted on")
	}
	g.Left = len(g.Header)
	g.Header = append(g.Header, "n")
	g.Heads = len(g.Header)
	for _, c := range columns {
		g.Groups = append(g.Groups, len(g.Header))
		for _, m := range metrics {
			g.Header = append(g.Header, c.title+" "+m.Title)
		}
	}
	halves := t.Halves()
	if !slices.ContainsFunc(metrics, func(m Metric) bool { return m.Key == "accuracy" }) {
		halves = nil
	}
	for _, h := range halves {
		g.Groups = append(g.Groups, len(g.Header))
		g.Header = append(g.Header, h.Set+" "+harmonic.Title)
	}
	for i, group := range t.Groups {
		if i > 0 && t.heads(i) {
			g.Rules = append(g.Rules, i)
		}
		row := []string{t.rowName(i)}
		for _, name := range t.Shown {
			row = append(row, orDash(t.fieldValue(name, group.Fields[name])))
		}
		if fitted {
			on, _, _ := strings.Cut(group.fittedOn(), ", ")
			row = append(row, orDash(on))
		}
		n := len(group.seeds())
		if group.Fields[fieldMethod] == ZeroShot {
			n = 1
		}
		row = append(row, strconv.Itoa(n))
		for _, c := range columns {
			for _, m := range metrics {
				text := "–"
				if s, ok := group.meanOver(c.targets, m.Key); ok {
					text = m.format(s)
				}
				row = append(row, text)
			}
		}
		for _, h := range halves {
			text := "–"
			if s, ok := group.HarmonicMean(h); ok {
				text = harmonic.format(s)
			}
			row = append(row, text)
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

type wideColumn struct {
	title   string
	targets []string
}

func (t *Table) wideColumns() []wideColumn {
	var out, drift []wideColumn
	for _, c := range t.Targets {
		w := wideColumn{c.Name, []string{c.Name}}
		if c.Source {
			out = append(out, w)
		} else {
			drift = append(drift, w)
		}
	}
	if len(drift) > 1 {
		name := "drift average"
		if len(out) == 0 { // no run learnt from a target, so none is known to drift
			name = "average"
		}
		out = append(out, wideColumn{name, t.Drifted()})
	}
	return append(out, drift...)
}

// heads says whether a row begins another method or other settings.
func (t *Table) heads(i int) bool {
	a, b := t.Groups[i-1].Fields, t.Groups[i].Fields
	if a[fieldMethod] != b[fieldMethod] {
		return true
	}
	for _, name := range t.Shown {
		if a[name] != b[name] {
			return true
		}
	}
	return false
}

// rowName heads a row: a remedy stands under its method where the row above is
// of the same method and settings.
func (t *Table) rowName(i int) string {
	f := t.Groups[i].Fields
	name := Display(f[fieldMethod])
	r := f[fieldRemedy]
	switch {
	case r == "" || r == "none":
		return name
	case i > 0 && !t.heads(i):
		return "  + " + Display(r)
	}
	return name + " + " + Display(r)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// Averages reports whether a figure of the table is a mean over several seeds.
func (t *Table) Averages() bool {
	for _, g := range t.Groups {
		if g.Fields[fieldMethod] != ZeroShot && len(g.seeds()) > 1 {
			return true
		}
	}
	return false
}
