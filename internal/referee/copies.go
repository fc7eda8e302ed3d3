package referee

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// chance is how unlikely equal figures must be, over all pairs of rows that were
// looked at together, to be called copied.
const chance = 0.05

// fewSamples is how many samples a column is taken to have where that is not
// said: accuracies on few samples coincide more often.
const fewSamples = 1000

// placed is a row with the table that it stands in.
type placed struct {
	table *Table
	row   Row
	cells []cell
}

// copies looks for rows that have more figures in common than chance gives.
// Figures of one column count as alike by chance with the odds of one printing
// unit in the range that the column spans.
func (r *Report) copies(f File) {
	var rows []placed
	for t := range f.Tables {
		e := examiner{Table: &f.Tables[t], rounded: map[int][]cell{}}
		for i := range e.Rows {
			rows = append(rows, placed{e.Table, e.Rows[i], e.row(i)})
		}
	}
	for i, a := range rows {
		for _, b := range rows[i+1:] {
			if a.row.Metric != b.row.Metric || !comparable(a, b) {
				continue
			}
			if c, ok := repeated(a, b, rows); ok {
				r.Checks = append(r.Checks, c)
			}
		}
	}
}

// comparable says whether equal figures of two rows would say anything: not
// where one keeps the other's by what it is.
func comparable(a, b placed) bool {
	if a.table == b.table {
		keeps := func(a, b placed) bool { return a.row.Of == b.row.Name && len(a.row.Keeps) > 0 }
		if keeps(a, b) || keeps(b, a) {
			return false
		}
		if a.row.Of == b.row.Of && len(a.row.Keeps) > 0 && len(b.row.Keeps) > 0 {
			return false
		}
		if len(a.row.MeanOf)+len(b.row.MeanOf) > 0 {
			return false
		}
	}
	return true
}

// repeated compares two rows column by column, by name.
func repeated(a, b placed, rows []placed) (c Check, copied bool) {
	var same []string
	expected, compared := 0.0, 0
	for j, column := range a.table.Columns {
		k := slices.IndexFunc(b.table.Columns, func(d Column) bool { return d.Name == column.Name })
		if k < 0 || j == a.table.Average || k == b.table.Average ||
			a.table.metric(a.row, j) != b.table.metric(b.row, k) {
			continue
		}
		x, y := a.cells[j], b.cells[k]
		if !x.scored || !y.scored {
			continue
		}
		compared++
		expected += coincidence(column, x.value, a, b, rows)
		if x.value.text == y.value.text {
			same = append(same, column.Name)
		}
	}
	if len(same) < 2 {
		return c, false
	}
	pairs := float64(pairsOf(a, b, rows))
	odds := min(1, pairs*atLeastMany(len(same), expected))
	if odds >= chance {
		return c, false
	}
	where := b.row.Name
	if a.table != b.table {
		where += " of " + b.table.Name
	}
	return Check{Table: a.table.Name, Row: a.row.Name, Metric: a.row.Metric, Kind: Copy, Verdict: Repeats,
		Printed: fmt.Sprintf("%d of %d", len(same), compared),
		Words: fmt.Sprintf("equal to %s under %s (%s of chance)", where, strings.Join(same, ", "),
			percent(odds))}, true
}

func percent(odds float64) string {
	if odds < 0.001 {
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*odds)
}

// coincidence is the odds of two figures of a column being printed alike.
func coincidence(column Column, f figure, a, b placed, rows []placed) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range rows {
		if (r.table != a.table && r.table != b.table) || r.row.Metric != a.row.Metric {
			continue
		}
		j := slices.IndexFunc(r.table.Columns, func(d Column) bool { return d.Name == column.Name })
		if j >= 0 && r.cells[j].scored {
			low, high = min(low, r.cells[j].value.v), max(high, r.cells[j].value.v)
		}
	}
	unit := f.unit
	if a.table.metric(a.row, slices.Index(a.table.Columns, column)) == accuracy {
		n := column.Samples
		if n == 0 {
			n = fewSamples
		}
		unit = max(unit, 100/float64(n))
	}
	if high-low <= unit {
		return 1
	}
	return min(1, unit/(high-low))
}

// pairsOf counts the pairs of rows of a metric that are looked at together with
// this one: those between the same two tables.
func pairsOf(a, b placed, rows []placed) int {
	inA, inB := 0, 0
	for _, r := range rows {
		if r.row.Metric != a.row.Metric {
			continue
		}
		if r.table == a.table {
			inA++
		}
		if r.table == b.table {
			inB++
		}
	}
	if a.table == b.table {
		return inA * (inA - 1) / 2
	}
	return inA * inB
}

// atLeastMany is the probability of k or more events where λ are expected
// (Poisson).
func atLeastMany(k int, lambda float64) float64 {
	term, below := math.Exp(-lambda), 0.0
	for i := range k {
		if i > 0 {
			term *= lambda / float64(i)
		}
		below += term
	}
	return max(0, 1-below)
}
