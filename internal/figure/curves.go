package figure

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"clipcalib/internal/table"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// point is a mean with its spread at a number of shots.
type point struct{ shots, mean, std float64 }

// Curves draws accuracy and ECE over the shots, a row of panels per target and
// a line per method, remedy and other settings; bars are standard deviations
// over seeds, and the zero-shot model is a dashed line. It is an error where no
// recipe was run with two numbers of shots.
func Curves(t table.Table) (Figure, error) {
	out := panels{w: 330, h: 250}
	several := false
	for _, target := range t.Targets {
		var row []*plot.Plot
		key := legendPlot()
		for _, m := range table.Main[:2] {
			p := newPlot(target.Name, "shots a class", m.Title+", %")
			lines, names := byRecipe(t, target.Name, m)
			several = several || slices.ContainsFunc(names, func(n string) bool { return len(lines[n]) > 1 })
			if err := addCurves(p, keyOf(len(row) == 0, key), lines, names); err != nil {
				return nil, err
			}
			addZeroShot(p, keyOf(len(row) == 0, key), t, target.Name, m)
			p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, shotTicks(lines)
			row = append(row, p)
		}
		out.rows = append(out.rows, append(row, key))
	}
	if !several {
		return nil, fmt.Errorf("curves: no recipe was run with two numbers of shots")
	}
	for column := range 2 {
		var plots []*plot.Plot
		for _, row := range out.rows {
			plots = append(plots, row[column])
		}
		equalAxes(plots, true, true)
	}
	return out, nil
}

// byRecipe collects a metric on a target by all that decides it but the shots.
func byRecipe(t table.Table, target string, m table.Metric) (lines map[string][]point, names []string) {
	lines = map[string][]point{}
	shown := t
	shown.Shown = slices.DeleteFunc(slices.Clone(t.Shown), func(s string) bool { return s == "shots" })
	for _, g := range t.Groups {
		shots, err := strconv.ParseFloat(g.Fields["shots"], 64)
		s, ok := g.Spread(target, m.Key)
		if err != nil || shots <= 0 || !ok || g.Fields["method"] == table.ZeroShot {
			continue
		}
		name := shown.Label(g)
		if lines[name] == nil {
			names = append(names, name)
		}
		lines[name] = append(lines[name], point{shots, m.Factor * s.Mean, m.Factor * s.Std})
	}
	for _, name := range names {
		slices.SortFunc(lines[name], func(a, b point) int { return int(a.shots - b.shots) })
	}
	return lines, names
}

// keyOf is the legend's panel once, and then one that is not shown.
func keyOf(first bool, key *plot.Plot) *plot.Plot {
	if first {
		return key
	}
	return legendPlot()
}

func addCurves(p, key *plot.Plot, lines map[string][]point, names []string) error {
	for i, name := range names {
		var at plotter.XYs
		var bars plotter.YErrors
		for _, v := range lines[name] {
			at = append(at, plotter.XY{X: v.shots, Y: v.mean})
			bars = append(bars, struct{ Low, High float64 }{v.std, v.std})
		}
		line, marks, err := plotter.NewLinePoints(at)
		if err != nil {
			return fmt.Errorf("curve of %s: %w", name, err)
		}
		spread, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{at, bars})
		if err != nil {
			return fmt.Errorf("curve of %s: %w", name, err)
		}
		line.Color, marks.Color, spread.Color = colour(i), colour(i), colour(i)
		marks.Shape = shape(i)
		p.Add(spread, line, marks)
		key.Legend.Add(name, line, marks)
	}
	return nil
}

// addZeroShot draws the reference, which takes no shots, over the whole width.
func addZeroShot(p, key *plot.Plot, t table.Table, target string, m table.Metric) {
	low, high := p.X.Min, p.X.Max
	for _, g := range t.Groups {
		s, ok := g.Spread(target, m.Key)
		if g.Fields["method"] != table.ZeroShot || !ok || !(low <= high) {
			continue
		}
		y := m.Factor * s.Mean
		line, err := plotter.NewLine(plotter.XYs{{X: low, Y: y}, {X: high, Y: y}})
		if err != nil { // not finite: there is nothing to draw
			continue
		}
		line.Dashes = []vg.Length{4, 3}
		p.Add(line)
		key.Legend.Add(t.Label(g), line)
	}
}

func shotTicks(lines map[string][]point) plot.ConstantTicks {
	seen := map[float64]bool{}
	for _, line := range lines {
		for _, v := range line {
			seen[v.shots] = true
		}
	}
	var out plot.ConstantTicks
	for _, v := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
	}
	return out
}
