package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Group is the runs of one recipe under several seeds.
type Group struct {
	Fields Fields
	// Cells are the evaluations by target, one a seed.
	Cells map[string][]Evaluation
}

// Key is all that decides the group's runs but their seeds, as one comparable value.
func (g Group) Key() string { return g.Fields.key() }

// Table is groups as rows and targets as columns.
type Table struct {
	Groups  []Group
	Targets []Column
	// Shown are the fields that tell groups apart besides method and remedy.
	Shown []string
	// Notes say what a reader must know: seeds counted once though they were
	// found twice, seeds or targets that a row lacks.
	Notes []string
	Bins  int
}

// Column is a target of the table.
type Column struct {
	Target
	Source bool
	// Validation says that every evaluation in the column is on a validation fold.
	Validation bool
}

// Make makes a table of evaluations, each measured with bins. Their targets get
// the names of the table's columns.
func Make(found []Evaluation, bins int) Table {
	t := Table{Bins: bins}
	names := columnNames(found)
	at := map[string]int{}
	for i, e := range found {
		found[i].Target.Name, e.Target.Name = names[i], names[i]
		t.addColumn(e)
		key := e.Fields.key()
		// Other data under the same seed is another experiment.
		if g, ok := at[key]; ok && t.Groups[g].otherData(e) {
			e.Fields = maps.Clone(e.Fields)
			e.Fields["data"] = short(e.Data)
			key = e.Fields.key()
		}
		g, ok := at[key]
		if !ok {
			g = len(t.Groups)
			at[key] = g
			t.Groups = append(t.Groups, Group{Fields: e.Fields, Cells: map[string][]Evaluation{}})
		}
		t.add(&t.Groups[g], e)
		if u := e.unlike; u != nil && e.fitted == nil {
			t.Notes = append(t.Notes, fmt.Sprintf("the zero-shot model of %s gives other figures on %s than that of "+
				"%s (accuracy %.4f and %.4f, ECE %.4f and %.4f), though weights and prompts are the same: the row is "+
				"of %s; see whether the two runs differ in precision or compat", u.Run, e.Target.Name, e.Run,
				u.Metrics.Accuracy, e.Metrics.Accuracy, u.Metrics.ECE, e.Metrics.ECE, e.Run))
		}
	}
	t.sort()
	t.Shown = t.shown()
	t.say()
	return t
}

func short(hash string) string { return hash[:min(8, len(hash))] }

// otherData reports whether a run of the same seed on other data is there.
func (g Group) otherData(e Evaluation) bool {
	for _, cell := range g.Cells {
		for _, other := range cell {
			if other.Seed == e.Seed && other.Data != e.Data {
				return true
			}
		}
	}
	return false
}

func (t *Table) addColumn(e Evaluation) {
	for i, c := range t.Targets {
		if c.Name == e.Target.Name {
			t.Targets[i].Source = c.Source || e.Source
			t.Targets[i].Validation = c.Validation && e.Validation
			return
		}
	}
	t.Targets = append(t.Targets, Column{e.Target, e.Source, e.Validation})
}

// add puts an evaluation into its cell; a seed counts once.
func (t *Table) add(g *Group, e Evaluation) {
	for _, other := range g.Cells[e.Target.Name] {
		if other.Seed != e.Seed {
			if sum := e.target.ParametersSHA256; sum != "" && sum == other.target.ParametersSHA256 {
				t.Notes = append(t.Notes, fmt.Sprintf("%s and %s have the same parameters under seeds %s and %s, "+
					"and count as two on %s", other.Run, e.Run, other.Seed, e.Seed, e.Target.Name))
			}
			continue
		}
		same := other.Metrics == e.Metrics
		note := fmt.Sprintf("%s and %s are of one recipe and seed %s on %s: counted once", other.Run, e.Run, e.Seed,
			e.Target.Name)
		if !same {
			note = fmt.Sprintf("%s and %s are of one recipe and seed %s on %s and differ: the first is shown",
				other.Run, e.Run, e.Seed, e.Target.Name)
		}
		t.Notes = append(t.Notes, note)
		return
	}
	g.Cells[e.Target.Name] = append(g.Cells[e.Target.Name], e)
}

// columnNames heads the evaluations' targets: one heading for one list of
// pictures, whatever sets are called. Lists of one name are told apart by their
// size where that is enough and only features are known, else by their hash.
func columnNames(found []Evaluation) []string {
	type list struct{ name, hash string }
	sizes := map[list]int{}
	for _, e := range found {
		sizes[list{e.Target.Name, e.Target.Hash}] = e.Target.Samples
	}
	out := make([]string, len(found))
	for i, e := range found {
		largest, alike, lists := e.Target.Samples, 0, 0
		for l, n := range sizes {
			if l.name != e.Target.Name {
				continue
			}
			lists++
			largest = max(largest, n)
			if n == e.Target.Samples {
				alike++
			}
		}
		switch out[i] = e.Target.Name; {
		case lists > 1 && (alike > 1 || !e.Target.FeaturesOnly):
			out[i] += " (" + short(e.Target.Hash) + ")"
		case e.Target.Samples < largest:
			out[i] += fmt.Sprintf(", %d pictures", e.Target.Samples)
		}
	}
	// One list measured in part, as test-time tuning may.
	whole := map[string]int{}
	for i, e := range found {
		whole[out[i]] = max(whole[out[i]], e.Target.Samples)
	}
	for i, e := range found {
		if e.Target.Samples < whole[out[i]] {
			out[i] += fmt.Sprintf(", %d pictures", e.Target.Samples)
		}
	}
	return out
}

// sort puts source targets first, zero-shot ahead of all rows, rows of one
// method together in order of appearance, and within them the settings, then
// the remedies in the paper's order.
func (t *Table) sort() {
	slices.SortStableFunc(t.Targets, func(a, b Column) int { return falseFirst(!a.Source, !b.Source) })
	methods := []string{ZeroShot}
	for _, g := range t.Groups {
		if !slices.Contains(methods, g.Fields[fieldMethod]) {
			methods = append(methods, g.Fields[fieldMethod])
		}
	}
	slices.SortStableFunc(t.Groups, func(a, b Group) int {
		if d := slices.Index(methods, a.Fields[fieldMethod]) - slices.Index(methods, b.Fields[fieldMethod]); d != 0 {
			return d
		}
		if d := compareSettings(a.Fields, b.Fields); d != 0 {
			return d
		}
		if d := strings.Compare(a.Fields.without(fieldRemedy), b.Fields.without(fieldRemedy)); d != 0 {
			return d
		}
		return remedyRank(a.Fields[fieldRemedy]) - remedyRank(b.Fields[fieldRemedy])
	})
	for _, g := range t.Groups {
		for _, cell := range g.Cells {
			slices.SortStableFunc(cell, func(a, b Evaluation) int { return compareNatural(a.Seed, b.Seed) })
		}
	}
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func remedyRank(remedy string) int {
	known := []string{"", "none", "zs-norm", "penalty", "sals", "dac", "tcpt"}
	if i := slices.Index(known, remedy); i >= 0 {
		return i
	}
	return len(known)
}

// numeric fields in whose order rows stand.
var numeric = []string{"shots", "lr", "epochs", "batch"}

func compareSettings(a, b Fields) int {
	for _, name := range numeric {
		if d := compareNatural(a[name], b[name]); d != 0 {
			return d
		}
	}
	return 0
}

// compareNatural compares numbers as numbers and other texts as texts.
func compareNatural(a, b string) int {
	var x, y float64
	if _, err := fmt.Sscan(a, &x); err == nil {
		if _, err := fmt.Sscan(b, &y); err == nil && x != y {
			if x < y {
				return -1
			}
			return 1
		}
	}
	return strings.Compare(a, b)
}

// leading are fields that are shown where they differ between any two rows;
// others differ by nature between methods and remedies, and are shown where
// rows of one method and remedy differ.
var leading = []string{"shots", fieldSource, fieldTemplates, fieldWeights, "loss", "compat", "logit_scale",
	"features", "trained_with", "data"}

// shown lists the fields that tell rows apart.
func (t *Table) shown() []string {
	values := map[string]map[string]map[string]bool{} // by field and rows compared
	note := func(field, rows, value string) {
		if values[field] == nil {
			values[field] = map[string]map[string]bool{}
		}
		if values[field][rows] == nil {
			values[field][rows] = map[string]bool{}
		}
		values[field][rows][value] = true
	}
	all := map[string]bool{}
	for _, g := range t.Groups {
		for name := range g.Fields {
			all[name] = true
		}
	}
	delete(all, fieldMethod)
	delete(all, fieldRemedy)
	delete(all, fieldFittedOn) // has a column of its own
	for _, g := range t.Groups {
		for name := range all {
			v, applies := g.Fields[name]
			if g.Fields[fieldMethod] != ZeroShot {
				note(name, g.Fields[fieldMethod]+"\n"+g.Fields[fieldRemedy], v)
			}
			if applies && slices.Contains(leading, name) {
				note(name, "any two", v)
			}
		}
	}
	var out []string
	for name, byRows := range values {
		for _, v := range byRows {
			if len(v) > 1 {
				out = append(out, name)
				break
			}
		}
	}
	rank := func(name string) int {
		for i, n := range append(slices.Clone(leading[:1]), append(numeric[1:], leading[1:]...)...) {
			if n == name {
				return i
			}
		}
		return len(leading) + len(numeric)
	}
	slices.SortFunc(out, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return out
}

// Part is the rows that one zero-shot reference belongs to.
type Part struct {
	Table
	// About says which reference it is, where the table has several.
	About []string
}

// ByReference cuts the table by weights, prompts and scale of the zero-shot
// model, so that every method stands beside the one it is to be compared with.
// Rows of no reference of the table stand together.
func (t *Table) ByReference() []Part {
	reference := func(f Fields) string {
		return Fields{"w": f[fieldWeights], "t": f[fieldTemplates], "s": f["logit_scale"], "f": f["features"]}.key()
	}
	var parts []Part
	at := map[string]int{}
	for _, g := range t.Groups {
		k := reference(g.Fields)
		if g.Fields[fieldMethod] == ZeroShot {
			if _, twice := at[k]; !twice {
				at[k] = len(parts)
				parts = append(parts, Part{})
			}
		}
		i, ok := at[k]
		if !ok {
			i = len(parts)
			at[k] = i
			parts = append(parts, Part{})
		}
		parts[i].Groups = append(parts[i].Groups, g)
	}
	for i := range parts {
		parts[i].Targets, parts[i].Bins = t.Targets, t.Bins
		parts[i].Shown = parts[i].shown()
		if len(parts) > 1 {
			f := parts[i].Groups[0].Fields
			parts[i].About = []string{fmt.Sprintf("Zero-shot prompts: %s. Weights: %s.", orDash(f[fieldTemplates]),
				orDash(f[fieldWeights]))}
		}
	}
	return parts
}
