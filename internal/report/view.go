package report

import (
	"fmt"
	"math"
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
	Spread  string // empty for a single seed
	Change  string // ECE against the same method without a remedy, in points
	Better  bool
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
	if s.N > 1 {
		v.Spread = m.spread(s)
	}
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
	v.Best = g.lowestECE(key, c, s.Mean)
	return v
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
