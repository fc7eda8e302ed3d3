package table

import (
	"slices"

	"clipcalib/internal/run"
)

// Folds names the columns that remedies are chosen on: validation folds of the
// data that runs learnt from, which are no results beside others; where none learnt
// from a target, as in test-time tuning, every validation fold. There are none where
// the table has no other column.
func (t *Table) Folds() []string {
	learnt := slices.ContainsFunc(t.Targets, func(c Column) bool { return c.Source })
	var folds []string
	for _, c := range t.Targets {
		if c.Validation && (c.Source || !learnt) {
			folds = append(folds, c.Name)
		}
	}
	if len(folds) == len(t.Targets) {
		return nil
	}
	return folds
}

// Results is the table without its [Table.Folds].
func (t *Table) Results() Table {
	folds, out := t.Folds(), *t
	out.Targets = slices.DeleteFunc(slices.Clone(t.Targets), func(c Column) bool { return slices.Contains(folds, c.Name) })
	out.Groups = slices.Clone(t.Groups)
	for i, g := range out.Groups {
		cells := map[string][]Evaluation{}
		for name, cell := range g.Cells {
			if !slices.Contains(folds, name) {
				cells[name] = cell
			}
		}
		out.Groups[i].Cells = cells
	}
	return out
}

// unlearnt refuses an evaluation as a fold whose run learnt from it.
func (e *Evaluation) unlearnt() error {
	if e.learnt == "" || e.Fields[fieldMethod] == ZeroShot {
		return nil
	}
	return run.Unlearnt(e.Run, e.dir, e.target)
}
