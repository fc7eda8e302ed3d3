package report

import (
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/table"
)

// cell is all seeds of one method, remedy and target.
type cell struct {
	runs []Run
}

func (c *cell) over(value func(calib.Metrics) float64) Spread {
	values := make([]float64, len(c.runs))
	for i, r := range c.runs {
		values[i] = value(r.Metrics)
	}
	return table.SpreadOf(values)
}

func accuracy(m calib.Metrics) float64   { return m.Accuracy }
func ece(m calib.Metrics) float64        { return m.ECE }
func logitRange(m calib.Metrics) float64 { return m.LogitRange }

// reliability pools the bins of all seeds.
func (c *cell) reliability() calib.Reliability {
	var pooled calib.Reliability
	for _, r := range c.runs {
		from := r.Reliability
		if pooled.Bins == nil {
			pooled.Bins = make([]calib.Bin, len(from.Bins))
			for m, b := range from.Bins {
				pooled.Bins[m] = calib.Bin{Lower: b.Lower, Upper: b.Upper}
			}
		}
		if len(from.Bins) != len(pooled.Bins) || from.Samples == 0 {
			continue
		}
		for m, b := range from.Bins {
			to := &pooled.Bins[m]
			to.Accuracy = average(to.Accuracy, to.Count, b.Accuracy, b.Count)
			to.Confidence = average(to.Confidence, to.Count, b.Confidence, b.Count)
			to.Count += b.Count
		}
		pooled.Accuracy = average(pooled.Accuracy, pooled.Samples, from.Accuracy, from.Samples)
		pooled.Confidence = average(pooled.Confidence, pooled.Samples, from.Confidence, from.Samples)
		pooled.Samples += from.Samples
	}
	// The ECE shown is that of the tables: the mean over the seeds.
	pooled.ECE = c.over(ece).Mean
	return pooled
}

func average(a float64, n int, b float64, m int) float64 {
	if n+m == 0 {
		return 0
	}
	return (a*float64(n) + b*float64(m)) / float64(n+m)
}

// rowKey is a row of the results: a method with a remedy.
type rowKey struct{ method, remedy string }

// results is the runs of one section, grouped, in order of first appearance
// with the source targets ahead of the others and zero-shot ahead of all rows.
type results struct {
	rows    []rowKey
	methods []string // without zero-shot
	targets []string
	sources map[string]bool
	cells   map[rowKey]map[string]*cell
	colours map[string]ink // of the targets

	differences []Difference
}

func groupRuns(runs []Run) results {
	g := results{sources: map[string]bool{}, cells: map[rowKey]map[string]*cell{}}
	for _, r := range runs {
		if plain(r.Remedy) {
			r.Remedy = ""
		}
		key := rowKey{r.Method, r.Remedy}
		if g.cells[key] == nil {
			g.cells[key] = map[string]*cell{}
			g.rows = append(g.rows, key)
		}
		if g.cells[key][r.Target] == nil {
			g.cells[key][r.Target] = &cell{}
		}
		c := g.cells[key][r.Target]
		c.runs = append(c.runs, r)
		if !slices.Contains(g.targets, r.Target) {
			g.targets = append(g.targets, r.Target)
		}
		if r.Method != ZeroShot && !slices.Contains(g.methods, r.Method) {
			g.methods = append(g.methods, r.Method)
		}
		if r.Source {
			g.sources[r.Target] = true
		}
	}
	first := func(ok bool) int {
		if ok {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(g.targets, func(a, b string) int { return first(g.sources[a]) - first(g.sources[b]) })
	g.colours = coloursOf(g.targets)
	// Rows of one method stand together, the plain one first and the paper's
	// remedies in its order.
	slices.SortStableFunc(g.rows, func(a, b rowKey) int {
		if d := slices.Index(g.methods, a.method) - slices.Index(g.methods, b.method); d != 0 {
			return d
		}
		return remedyRank(a.remedy) - remedyRank(b.remedy)
	})
	return g
}

// coloursOf gives every target a colour, in order.
func coloursOf(targets []string) map[string]ink {
	colours := map[string]ink{}
	for i, t := range targets {
		colours[t] = series(i)
	}
	return colours
}

func remedyRank(remedy string) int {
	known := []string{"", "zs-norm", "penalty", "sals", "dac", "tcpt"}
	if i := slices.Index(known, remedy); i >= 0 {
		return i
	}
	return len(known)
}

// name heads a row: a remedy stands under its method, where that was run
// without one, and otherwise carries its name.
func (g results) name(key rowKey) string {
	if key.remedy == "" || slices.Contains(g.rows, rowKey{key.method, ""}) {
		return variant(key.method, key.remedy)
	}
	return display(key.method) + " " + variant(key.method, key.remedy)
}

// at returns the cell of a row and target, nil where nothing was measured.
func (g results) at(key rowKey, target string) *cell { return g.cells[key][target] }

// drifted returns the targets that are not a source.
func (g results) drifted() []string {
	var out []string
	for _, t := range g.targets {
		if !g.sources[t] {
			out = append(out, t)
		}
	}
	return out
}

// remedies returns the remedies of a method, in row order.
func (g results) remedies(method string) []string {
	var out []string
	for _, key := range g.rows {
		if key.method == method && key.remedy != "" {
			out = append(out, key.remedy)
		}
	}
	return out
}

// meanOver averages a metric over targets per seed, then over seeds: the
// spread is that of the average. Seeds that lack a target are left out; with
// none left, ok is false.
func (g results) meanOver(key rowKey, targets []string, value func(calib.Metrics) float64) (s Spread, ok bool) {
	bySeed := map[int][]float64{}
	var seeds []int
	for _, t := range targets {
		c := g.at(key, t)
		if c == nil {
			return Spread{}, false
		}
		for _, r := range c.runs {
			if bySeed[r.Seed] == nil {
				seeds = append(seeds, r.Seed)
			}
			bySeed[r.Seed] = append(bySeed[r.Seed], value(r.Metrics))
		}
	}
	var values []float64
	for _, seed := range seeds {
		if len(bySeed[seed]) == len(targets) {
			values = append(values, table.SpreadOf(bySeed[seed]).Mean)
		}
	}
	return table.SpreadOf(values), len(values) > 0
}
