package referee

// Figure is a published figure, in the unit of its metric.
type Figure struct {
	Value float64
	Text  string // as printed
}

// Figure looks a figure up by the names of its table, row, metric and column.
func (f File) Figure(table, row, metric, column string) (Figure, bool) {
	for i := range f.Tables {
		t := &f.Tables[i]
		if t.Name != table {
			continue
		}
		for _, r := range t.Rows {
			for j, c := range t.Columns {
				if r.Name == row && c.Name == column && t.metric(r, j) == metric && r.cells[j].scored {
					return Figure{r.cells[j].value.v, r.cells[j].value.text}, true
				}
			}
		}
	}
	return Figure{}, false
}
