package table

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Recipes lists what decides each row, nothing cut: what all adapted rows have
// alike once, as names and values, and every other field as a column, with a
// dash where it does not apply. Fields that no row has are left out.
func (t *Table) Recipes() (alike [][2]string, differing Grid) {
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
	names = slices.DeleteFunc(names, func(name string) bool {
		v, same := t.alike(name)
		if same {
			alike = append(alike, [2]string{fieldTitle(name), figures(v)})
		}
		return same
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
	return alike, out
}

// alike returns the value that a field has in every adapted row. The zero-shot
// model is not trained: where it has the field, it must agree.
func (t *Table) alike(name string) (value string, same bool) {
	first := true
	for _, g := range t.Groups {
		v, has := g.Fields[name]
		if g.Fields[fieldMethod] == ZeroShot && !has {
			continue
		}
		if !first && v != value {
			return "", false
		}
		value, first = v, false
	}
	return value, value != ""
}

// figures writes a whole number that was read as 1e+06 in figures.
func figures(v string) string {
	if f, err := strconv.ParseFloat(v, 64); err == nil && strings.Contains(v, "e+") {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return v
}
