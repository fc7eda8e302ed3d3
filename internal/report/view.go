package report

import (
	"fmt"
	"math"

	"clipcalib/internal/table"
)

// resultsView is the results table, shaped for the template.
type resultsView struct {
	Columns []columnView
	Groups  []groupView // the rows of a method each
}

type columnView struct {
	Name    string
	Source  bool
	Average bool
	Colour  string // class of the target's colour, "" for an average
}

type groupView struct{ Rows []rowView }

type rowView struct {
	Name   string
	Remedy bool
	Cells  []cellView
}

// cellView is one number of the table.
type cellView struct {
	Missing bool
	Mean    string
	Spread  string // over seeds, empty for a single one
	Low     string // of the interval, where there is no spread
	High    string
	Title   string // what the spread leaves out, in words
	Change  string // ECE against the same method without a remedy, in points
	Better  bool
	Unsure  bool // the change is not told from zero
	Best    bool // lowest ECE among the rows of the method
	First   bool // starts a column group
	Average bool // over the drifted targets
}

func (g results) view() resultsView {
	var v resultsView
	columns := g.columns()
	for _, c := range columns {
		column := columnView{Name: c.name, Source: c.source, Average: c.average}
		if !c.average {
			column.Colour = "f-" + inkNames[g.colours[c.name]]
		}
		v.Columns = append(v.Columns, column)
	}
	for i, key := range g.rows {
		if i == 0 || key.method != g.rows[i-1].method {
			v.Groups = append(v.Groups, groupView{})
		}
		row := rowView{Name: g.name(key), Remedy: key.remedy != ""}
		for _, c := range columns {
			for j, m := range shownMetrics {
				cell := g.cellView(key, c, m)
				cell.First, cell.Average = j == 0, c.average
				row.Cells = append(row.Cells, cell)
			}
		}
		group := &v.Groups[len(v.Groups)-1]
		group.Rows = append(group.Rows, row)
	}
	return v
}

func (g results) cellView(key rowKey, c column, m shownMetric) cellView {
	s, ok := g.meanOver(key, c.targets, m.value)
	if !ok {
		return cellView{Missing: true}
	}
	v := cellView{Mean: m.mean(s)}
	g.addSpread(&v, key, c, m, s)
	if m.name != "ECE" {
		return v
	}
	if base, ok := g.meanOver(rowKey{key.method, ""}, c.targets, m.value); ok && key.remedy != "" {
		points := 100 * (s.Mean - base.Mean)
		if math.Abs(points) >= 0.05 {
			v.Change, v.Better = fmt.Sprintf("+%.1f", points), points < 0
			if v.Better {
				v.Change = fmt.Sprintf("−%.1f", -points)
			}
		}
	}
	if d, ok := g.difference(key, c, m); ok && v.Change != "" {
		v.Unsure = !d.Told
		v.Title = fmt.Sprintf("change %+.1f, 95 %% interval %+.1f to %+.1f points, adjusted p %.2g; %s", 100*d.Value,
			100*d.Low, 100*d.High, d.Adjusted, v.Title)
	}
	v.Best = g.lowestECE(key, c, s.Mean)
	return v
}

// addSpread shows the standard deviation over seeds, or of one run its interval.
func (g results) addSpread(v *cellView, key rowKey, c column, m shownMetric, s Spread) {
	words := func(i table.Interval) string {
		return fmt.Sprintf("95 %% interval %.*f to %.*f", m.digits, m.factor*i.Low, m.digits, m.factor*i.High)
	}
	if i, ok := s.StudentInterval(); ok {
		v.Spread = "±" + m.spread(s)
		v.Title = fmt.Sprintf("%s over %d seeds", words(i), s.N)
		return
	}
	if len(c.targets) != 1 {
		return
	}
	if i, ok := g.at(key, c.targets[0]).runs[0].Intervals[m.key]; ok {
		v.Low, v.High = fmt.Sprintf("%.*f", m.digits, m.factor*i.Low), fmt.Sprintf("%.*f", m.digits, m.factor*i.High)
		v.Title = fmt.Sprintf("%s of one run (%s)", words(i), i.Kind)
	}
}

// difference is that of a row to the method without a remedy on one target.
func (g results) difference(key rowKey, c column, m shownMetric) (Difference, bool) {
	for _, d := range g.differences {
		if len(c.targets) == 1 && d.Method == key.method && d.Remedy == key.remedy && d.Target == c.targets[0] &&
			d.Metric == m.key {
			return d, true
		}
	}
	return Difference{}, false
}

// comparisons is the table of the differences, in points.
func (g results) comparisons() Table {
	t := Table{Header: []string{"row", "target", "metric", "change", "95 % interval", "adjusted p", "detectable",
		"verdict"}, Left: 3}
	for _, d := range g.differences {
		verdict := "told from zero"
		switch {
		case d.Value == 0 && d.Detectable == 0:
			verdict = "no change on any sample"
		case d.IncludesZero:
			verdict = "includes zero"
		case !d.Told:
			verdict = "not told from zero"
		}
		name := map[string]string{"accuracy": "accuracy", "ece": "ECE"}[d.Metric]
		t.Rows = append(t.Rows, []string{display(d.Method) + " + " + display(d.Remedy), d.Target, name,
			fmt.Sprintf("%+.2f", 100*d.Value), fmt.Sprintf("%+.2f to %+.2f", 100*d.Low, 100*d.High),
			fmt.Sprintf("%.3f", d.Adjusted), fmt.Sprintf("%.2f", 100*d.Detectable), verdict})
	}
	return t
}

// lowestECE says whether value is the smallest among the rows of a method that
// has more than one.
func (g results) lowestECE(key rowKey, c column, value float64) bool {
	measured := 0
	for _, other := range g.rows {
		if other.method != key.method {
			continue
		}
		s, ok := g.meanOver(other, c.targets, ece)
		if ok && s.Mean < value {
			return false
		}
		if ok {
			measured++
		}
	}
	return measured > 1
}
