package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"clipcalib/calib"
)

// setsView is the tables of conformal sets, one for every way that they were made.
type setsView struct {
	Kind string
	Table
}

func (g results) sets() (out []setsView) {
	kinds := map[string]bool{}
	for _, row := range g.cells {
		for _, c := range row {
			for _, r := range c.runs {
				for kind := range r.Sets {
					kinds[kind] = true
				}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		out = append(out, setsView{strings.ToUpper(kind), g.setsBy(kind)})
	}
	return out
}

// setsBy is the table of the sets of one kind: a row for every row of the results,
// a column for every target.
func (g results) setsBy(kind string) Table {
	t := Table{Header: []string{"method"}}
	for _, c := range g.targets {
		name := c
		if g.sources[c] {
			name += " (source)"
		}
		t.Header = append(t.Header, name)
	}
	for _, key := range g.rows {
		name := display(key.method)
		if key.remedy != "" {
			name += " + " + display(key.remedy)
		}
		row := []string{name}
		for _, target := range g.targets {
			text := "–"
			if f, ok := g.at(key, target).covered(kind); ok {
				text = fmt.Sprintf("%.1f (%.1f; %.1f)", 100*f.Coverage, f.MeanSize, 100*f.ClassGap)
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// covered is the mean coverage, set size and class gap over seeds; ok is false where
// a seed has no sets.
func (c *cell) covered(kind string) (mean calib.SetFigures, ok bool) {
	if c == nil {
		return mean, false
	}
	n := float64(len(c.runs))
	for _, r := range c.runs {
		f, ok := r.Sets[kind]
		if !ok {
			return mean, false
		}
		mean.Coverage, mean.MeanSize = mean.Coverage+f.Coverage/n, mean.MeanSize+f.MeanSize/n
		mean.ClassGap += f.ClassGap / n
	}
	return mean, true
}
