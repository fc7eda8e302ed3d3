package cli

import (
	"slices"
	"strings"

	"clipcalib/internal/named"
	"clipcalib/internal/recipe"
)

// selection is what --only names, by kind; words of one kind are alternatives.
type selection struct{ models, rows, remedies, of map[string]bool }

func newSelection(t recipe.Table, words []string) (s selection, err error) {
	type kind struct {
		into  *map[string]bool
		known map[string]bool
	}
	var kinds []kind
	for _, into := range []*map[string]bool{&s.models, &s.remedies, &s.rows, &s.of} {
		kinds = append(kinds, kind{into, map[string]bool{}})
	}
	for _, b := range t.Blocks {
		kinds[0].known[b.Model] = true
		for _, r := range b.Rows {
			kinds[1].known[r.Remedy], kinds[2].known[r.Label], kinds[2].known[r.Method] = true, true, true
		}
		for i, set := range b.Sets {
			kinds[3].known[set] = true
			if i < len(b.Columns) {
				kinds[3].known[b.Columns[i]] = true
			}
		}
	}
	for _, word := range words {
		var known []string
		found := false
		for _, k := range kinds {
			for name := range k.known {
				known = append(known, name)
				if !strings.EqualFold(name, word) {
					continue
				}
				if *k.into == nil {
					*k.into = map[string]bool{}
				}
				(*k.into)[name], found = true, true
			}
			if found {
				break
			}
		}
		if found {
			continue
		}
		slices.Sort(known)
		return s, usagef("--only %s: the table has no such model, method, row, remedy or set%s", word,
			named.Suggestion(word, known))
	}
	return s, nil
}

// sets are those of a row's recipe that are selected.
func (s selection) sets(b recipe.Block, row recipe.Row, name string) (sets []string) {
	in := func(m map[string]bool, names ...string) bool {
		return m == nil || slices.ContainsFunc(names, func(n string) bool { return m[n] })
	}
	if !in(s.models, b.Model) || !in(s.rows, row.Label, row.Method) || !in(s.remedies, row.Remedy) {
		return nil
	}
	r, err := recipe.Find(name)
	if err != nil {
		return nil
	}
	for i, set := range b.Sets {
		column := ""
		if i < len(b.Columns) {
			column = b.Columns[i]
		}
		if slices.Contains(r.Targets(), set) && in(s.of, set, column) {
			sets = append(sets, set)
		}
	}
	return sets
}
