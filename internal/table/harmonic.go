package table

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/internal/data"
)

// keyHarmonic is the metric of two halves of the classes, in csv and JSON.
const keyHarmonic = "harmonic_mean_accuracy"

// Halves are the targets of one data set that hold the first and the second half
// of its classes: those that were learnt, and new ones.
type Halves struct {
	Set       string // without the half
	Base, New string // targets
}

// halfOf cuts the half of the classes off a data set as the command line names it;
// half is "" for a whole set, and for a validation fold.
func halfOf(spec string) (whole, half string) {
	parts := strings.Split(spec, "#")
	for i, p := range parts[1:] {
		switch p {
		case "val":
			return spec, ""
		case data.Base, data.New:
			half = p
			parts[i+1] = ""
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "#"), half
}

// Halves lists the data sets of which both halves are columns.
func (t *Table) Halves() (out []Halves) {
	for _, base := range t.Targets {
		if base.half != data.Base {
			continue
		}
		i := slices.IndexFunc(t.Targets, func(c Column) bool { return c.half == data.New && c.whole == base.whole })
		if i >= 0 {
			out = append(out, Halves{data.NameOf(base.whole), base.Name, t.Targets[i].Name})
		}
	}
	return out
}

// HarmonicMean is that of a row's accuracies on both halves, under every seed that
// has both, over the seeds; ok is false without such a seed.
func (g Group) HarmonicMean(h Halves) (s Spread, ok bool) {
	var values []float64
	for _, a := range g.Cells[h.Base] {
		i := slices.IndexFunc(g.Cells[h.New], func(b Evaluation) bool { return b.Seed == a.Seed })
		if i < 0 {
			continue
		}
		base, other := a.Metrics.Accuracy, g.Cells[h.New][i].Metrics.Accuracy
		mean := 0.0
		if base+other > 0 {
			mean = 2 * base * other / (base + other)
		}
		values = append(values, mean)
	}
	return SpreadOf(values), len(values) > 0
}

// harmonic shows it.
var harmonic = Metric{keyHarmonic, "H acc", 100, 1}

// BaseToNew is the table of what rows know of the classes that were learnt and of
// new ones, with the harmonic mean of the accuracies; empty without both halves
// of a data set.
func (t *Table) BaseToNew() Grid {
	g := Grid{Header: []string{"row", "set", "base acc", "new acc", "harmonic mean", "base ECE", "new ECE", "n"},
		Left: 2}
	for _, h := range t.Halves() {
		for _, group := range t.Groups {
			mean, ok := group.HarmonicMean(h)
			if !ok {
				continue
			}
			row := []string{t.Label(group), h.Set}
			for _, cell := range []struct{ target, key string }{{h.Base, "accuracy"}, {h.New, "accuracy"}, {}, {h.Base,
				"ece"},
				{h.New, "ece"}} {
				s := mean
				if cell.key != "" {
					s, _ = group.spread(cell.target, cell.key)
				}
				row = append(row, harmonic.format(s))
			}
			g.Rows = append(g.Rows, append(row, fmt.Sprint(mean.N)))
		}
	}
	return g
}
