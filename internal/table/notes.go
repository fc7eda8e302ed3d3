package table

import (
	"fmt"
	"slices"
	"strings"
)

// say adds notes on what rows lack that others have.
func (t *Table) say() {
	for i, a := range t.Targets {
		for _, b := range t.Targets[i+1:] {
			if a.contents != "" && a.contents == b.contents {
				t.Notes = append(t.Notes, fmt.Sprintf("targets %s and %s hold the same pictures: one set under two names, and "+
					"what is counted over targets counts it twice", a.Name, b.Name))
			}
		}
	}
	seeds := map[string][]string{} // by target, of all adapted rows that were seeded
	for _, g := range t.Groups {
		if g.Fields[fieldMethod] == ZeroShot {
			continue
		}
		for target, cell := range g.Cells {
			for _, e := range cell {
				if !slices.Contains(seeds[target], e.Seed) {
					seeds[target] = append(seeds[target], e.Seed)
				}
			}
		}
	}
	for _, g := range t.Groups {
		if g.Fields[fieldMethod] == ZeroShot {
			continue
		}
		var lacks []string
		for _, c := range t.Targets {
			cell := g.Cells[c.Name]
			if len(cell) == 0 {
				if len(seeds[c.Name]) > 0 {
					lacks = append(lacks, "target "+c.Name)
				}
				continue
			}
			var missing []string
			for _, s := range seeds[c.Name] {
				if !slices.ContainsFunc(cell, func(e Evaluation) bool { return e.Seed == s }) {
					missing = append(missing, s)
				}
			}
			if len(missing) > 0 {
				slices.SortFunc(missing, compareNatural)
				lacks = append(lacks, fmt.Sprintf("seed %s on %s", strings.Join(missing, ", "), c.Name))
			}
		}
		if len(lacks) > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("%s lacks %s", t.Label(g), strings.Join(lacks, "; ")))
		}
	}
	if slices.Contains(t.Shown, fieldTemplates) {
		t.Notes = append(t.Notes, "zero-shot rows differ by their prompts: compare each method with the one of its templates")
	}
	t.Notes = dedupe(t.Notes)
}

func dedupe(notes []string) []string {
	var out []string
	for _, n := range notes {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// Label names a row in a sentence.
func (t *Table) Label(g Group) string {
	label := Display(g.Fields[fieldMethod])
	if r := g.Fields[fieldRemedy]; r != "" && r != "none" {
		label += " + " + Display(r)
	}
	if s := t.Setting(g); s != "" {
		label += " (" + s + ")"
	}
	return label
}

// Setting says in short what tells a row from others of its method and remedy.
func (t *Table) Setting(g Group) string {
	var parts []string
	for _, name := range t.Shown {
		if v := g.Fields[name]; v != "" {
			parts = append(parts, fieldTitle(name)+" "+t.fieldValue(name, v))
		}
	}
	return strings.Join(parts, ", ")
}

// fieldTitle is a field's name for people.
func fieldTitle(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "method_settings."), "remedy_settings.")
	return strings.ReplaceAll(name, "_", " ")
}

// fieldValue is a field's value in a cell: hashes are cut, but never so short
// that two values of the table look alike; long texts as well.
func (t *Table) fieldValue(name, v string) string {
	const most = 28
	if len([]rune(v)) <= most {
		return v
	}
	for n := most - 1; ; n++ {
		cut := firstRunes(v, n)
		alike := false
		for _, g := range t.Groups {
			if o := g.Fields[name]; o != v && firstRunes(o, n) == cut {
				alike = true
			}
		}
		if !alike {
			if cut == v {
				return v
			}
			return cut + "…"
		}
		if cut == v {
			return v
		}
	}
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}
