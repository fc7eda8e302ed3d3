package table

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Recipes lists what decides each row, a field a column and nothing cut; fields
// that no row has are left out, and a dash stands where one does not apply.
func (t *Table) Recipes() Grid {
	all := map[string]bool{}
	for _, g := range t.Groups {
		for name, v := range g.Fields {
			if v != "" && name != fieldMethod && name != fieldRemedy {
				all[name] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(all))
	slices.SortStableFunc(names, func(a, b string) int { // what tells rows apart first
		return falseFirst(!slices.Contains(t.Shown, a), !slices.Contains(t.Shown, b))
	})
	out := Grid{Header: []string{"row", "seeds"}, Left: 2 + len(names)}
	for _, name := range names {
		out.Header = append(out.Header, fieldTitle(name))
	}
	for _, g := range t.Groups {
		row := []string{t.Label(g), orDash(seedList(g.seeds()))}
		for _, name := range names {
			row = append(row, orDash(figures(g.Fields[name])))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// figures writes a whole number that was read as 1e+06 in figures.
func figures(v string) string {
	if f, err := strconv.ParseFloat(v, 64); err == nil && strings.Contains(v, "e+") {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return v
}
