package figure

import (
	"fmt"
	"math"
	"slices"

	"clipcalib/internal/table"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

const rangeBins = 30

// Ranges draws the distribution of the samples' logit ranges, a row of panels
// per method, a panel per target, a line per row of the table, seeds pooled: the
// share of samples in each of 30 bins of equal width, the same in all panels. The
// zero-shot line is dashed and lies on top, for SaLS gives every sample its range.
func Ranges(t table.Table) (Figure, error) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, g := range t.Groups {
		for _, cell := range g.Cells {
			for _, e := range cell {
				for _, v := range e.Ranges {
					low, high = min(low, v), max(high, v)
				}
			}
		}
	}
	if low > high {
		return nil, fmt.Errorf("ranges: no samples")
	}
	width := max((high-low)/rangeBins, 1e-9)
	out := panels{w: 330, h: 240}
	var plots []*plot.Plot
	for _, method := range methods(t) {
		var row []*plot.Plot
		key := legendPlot()
		for column, target := range t.Targets {
			p := newPlot(target.Name, "logit range", "share of samples, %")
			n := 0
			var reference []plot.Plotter
			for _, g := range t.Groups {
				if m := g.Fields["method"]; m != method && m != table.ZeroShot {
					continue
				}
				var all []float64
				for _, e := range g.Cells[target.Name] {
					all = append(all, e.Ranges...)
				}
				line, err := plotter.NewLine(outline(all, low, width))
				if err != nil {
					return nil, fmt.Errorf("ranges on %s: %w", target.Name, err)
				}
				line.StepStyle = plotter.PostStep
				shown := len(all) > 0
				if g.Fields["method"] == table.ZeroShot {
					line.Dashes = []vg.Length{4, 3}
					if shown {
						reference = append(reference, line)
					}
				} else {
					line.Color, line.Width = colour(n), 1.3
					if n++; shown {
						p.Add(line)
					}
				}
				if column == 0 {
					key.Legend.Add(t.Label(g), line)
				}
			}
			p.Add(reference...)
			row = append(row, p)
		}
		plots = append(plots, row...)
		out.rows = append(out.rows, append(row, key))
	}
	equalAxes(plots, true, true)
	return out, nil
}

// methods lists the adapted methods, or zero-shot where there is no other.
func methods(t table.Table) []string {
	var out []string
	for _, g := range t.Groups {
		if m := g.Fields["method"]; m != table.ZeroShot && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		return []string{table.ZeroShot}
	}
	return out
}

// outline is the steps of a histogram in per cent of the values, with its foot.
func outline(values []float64, low, width float64) plotter.XYs {
	counts := make([]float64, rangeBins)
	for _, v := range values {
		counts[min(int((v-low)/width), rangeBins-1)]++
	}
	at := plotter.XYs{{X: low, Y: 0}}
	for i, n := range counts {
		at = append(at, plotter.XY{X: low + float64(i)*width, Y: 100 * n / max(float64(len(values)), 1)})
	}
	return append(at, plotter.XY{X: low + rangeBins*width, Y: 0})
}
