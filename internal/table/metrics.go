package table

import (
	"fmt"
	"slices"
	"strings"
)

// Metric is a metric as tables show it.
type Metric struct {
	Key    string // in metrics.json
	Title  string
	Factor float64 // 100 for per cent
	Digits int
}

// Main are the metrics of the wide tables.
var Main = []Metric{
	{"accuracy", "acc", 100, 1},
	{"ece", "ECE", 100, 1},
	{"logit_range", "range", 1, 1},
}

// Spread is a metric, by its key in metrics.json, over the seeds of a row on a
// target; ok is false where it was not measured under every seed.
func (g Group) Spread(target, key string) (s Spread, ok bool) { return g.spread(target, key) }

// spread is a metric over the seeds of a row on a target.
func (g Group) spread(target, key string) (Spread, bool) {
	cell := g.Cells[target]
	if len(cell) == 0 {
		return Spread{}, false
	}
	values := make([]float64, len(cell))
	for i, e := range cell {
		v, ok := e.Values[key]
		if !ok {
			return Spread{}, false
		}
		values[i] = v
	}
	return SpreadOf(values), true
}

// Drifted are the targets that no run of the table learnt from.
func (t *Table) Drifted() []string {
	var out []string
	for _, c := range t.Targets {
		if !c.Source {
			out = append(out, c.Name)
		}
	}
	return out
}

// meanOver averages a metric over targets seed by seed, then over the seeds:
// the spread is that of the average. Seeds that lack a target are left out;
// with none left, ok is false.
func (g Group) meanOver(targets []string, key string) (s Spread, ok bool) {
	bySeed := map[string][]float64{}
	for _, target := range targets {
		for _, e := range g.Cells[target] {
			if v, ok := e.Values[key]; ok {
				bySeed[e.Seed] = append(bySeed[e.Seed], v)
			}
		}
	}
	var seeds []string
	for seed, values := range bySeed {
		if len(values) == len(targets) {
			seeds = append(seeds, seed)
		}
	}
	slices.SortFunc(seeds, compareNatural)
	var values []float64
	for _, seed := range seeds {
		values = append(values, SpreadOf(bySeed[seed]).Mean)
	}
	return SpreadOf(values), len(values) > 0
}

// seeds lists the seeds of a row, over all targets.
func (g Group) seeds() []string {
	var out []string
	for _, cell := range g.Cells {
		for _, e := range cell {
			if e.Seed != "" && !slices.Contains(out, e.Seed) {
				out = append(out, e.Seed)
			}
		}
	}
	slices.SortFunc(out, compareNatural)
	return out
}

func (m Metric) format(s Spread) string {
	text := fmt.Sprintf("%.*f", m.Digits, m.Factor*s.Mean)
	if s.N > 1 {
		text += fmt.Sprintf(" ± %.*f", m.Digits, m.Factor*s.Std)
	}
	return text
}

// runs lists the folders of a row's evaluations on a target.
func (g Group) runs(target string) []string {
	out := make([]string, len(g.Cells[target]))
	for i, e := range g.Cells[target] {
		out[i] = e.Run
	}
	return out
}

// seedList is the seeds of a row as one cell.
func seedList(seeds []string) string { return strings.Join(seeds, " ") }
