package report

import (
	"fmt"

	"clipcalib/internal/table"
)

// sets is the table of conformal sets: a row for every row of the results, a
// column for every target; empty where no sets were made.
func (g results) sets() Table {
	t := Table{Header: []string{"method"}}
	for _, c := range g.targets {
		name := c
		if g.sources[c] {
			name += " (source)"
		}
		t.Header = append(t.Header, name)
	}
	any := false
	for _, key := range g.rows {
		name := display(key.method)
		if key.remedy != "" {
			name += " + " + display(key.remedy)
		}
		row := []string{name}
		for _, target := range g.targets {
			text := "–"
			if coverage, size, ok := g.at(key, target).covered(); ok {
				text, any = fmt.Sprintf("%.1f (%.1f)", 100*coverage, size), true
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	if !any {
		return Table{}
	}
	return t
}

// covered is the mean coverage and set size over seeds; ok is false where a seed
// has no sets.
func (c *cell) covered() (coverage, size float64, ok bool) {
	if c == nil {
		return 0, 0, false
	}
	var coverages, sizes []float64
	for _, r := range c.runs {
		if r.Sets == nil {
			return 0, 0, false
		}
		coverages, sizes = append(coverages, r.Sets.Coverage), append(sizes, r.Sets.MeanSize)
	}
	return table.SpreadOf(coverages).Mean, table.SpreadOf(sizes).Mean, true
}
