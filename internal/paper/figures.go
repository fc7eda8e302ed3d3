package paper

import (
	"fmt"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/figure"
	"clipcalib/internal/recipe"
	"clipcalib/internal/report"
)

// Reliability is the paper's figure of reliability diagrams: a row for each of
// some sets, a column for each row of a block, runs of all seeds together.
func Reliability(b recipe.Block, measured []Measured, sets []string) (figure.Figure, error) {
	g := report.Grid{Title: b.Model}
	n := 0
	for _, row := range b.Rows {
		g.Columns = append(g.Columns, row.Label)
	}
	for _, set := range sets {
		line := report.GridRow{Label: set}
		for _, row := range b.Rows {
			var r calib.Reliability
			for _, m := range measured {
				if m.Model == b.Model && m.Row == row.Label && m.Set == set {
					r = pooled(r, m.Predictions.Reliability(Bins[0]))
					n++
				}
			}
			line.Diagrams = append(line.Diagrams, r)
		}
		if slices.ContainsFunc(line.Diagrams, func(r calib.Reliability) bool { return r.Samples > 0 }) {
			g.Rows = append(g.Rows, line)
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("reliability: nothing was measured")
	}
	return g, nil
}

// pooled is two diagrams of one set as one of all their samples.
func pooled(a, b calib.Reliability) calib.Reliability {
	if a.Samples == 0 {
		return b
	}
	out := calib.Reliability{Samples: a.Samples + b.Samples, Bins: slices.Clone(a.Bins)}
	mean := func(x float64, n int, y float64, m int) float64 {
		if n+m == 0 {
			return 0
		}
		return (x*float64(n) + y*float64(m)) / float64(n+m)
	}
	out.Accuracy = mean(a.Accuracy, a.Samples, b.Accuracy, b.Samples)
	out.Confidence = mean(a.Confidence, a.Samples, b.Confidence, b.Samples)
	for i, x := range a.Bins {
		y := b.Bins[i]
		out.Bins[i].Count = x.Count + y.Count
		out.Bins[i].Accuracy = mean(x.Accuracy, x.Count, y.Accuracy, y.Count)
		out.Bins[i].Confidence = mean(x.Confidence, x.Count, y.Confidence, y.Count)
	}
	// That of the runs, not of their sum: it would be another model's.
	out.ECE = mean(a.ECE, a.Samples, b.ECE, b.Samples)
	return out
}

// Range is the paper's figure of norm and range against ECE: the rows of a block
// but for the first, which is the zero-shot model.
func Range(b recipe.Block, measured []Measured) (figure.Figure, error) {
	var methods []string
	var shifts []figure.Shift
	for _, row := range b.Rows[1:] {
		methods = append(methods, row.Label)
		for _, set := range b.Sets {
			zero, ok := spot(measured, b.Model, b.Rows[0].Label, set)
			adapted, there := spot(measured, b.Model, row.Label, set)
			if ok && there {
				shifts = append(shifts, figure.Shift{Method: row.Label, Set: set, ZeroShot: zero, Adapted: adapted})
			}
		}
	}
	return figure.Shifts(methods, b.Sets, shifts)
}

// spot is the mean over a row's seeds.
func spot(measured []Measured, model, row, set string) (s figure.Spot, ok bool) {
	n := 0.0
	for _, m := range measured {
		if m.Model == model && m.Row == row && m.Set == set {
			s.Norm += m.Predictions.LogitNorm()
			s.Range += m.Predictions.LogitRange()
			s.ECE += 100 * m.Predictions.ECE(Bins[0])
			n++
		}
	}
	if n == 0 {
		return s, false
	}
	return figure.Spot{Norm: s.Norm / n, Range: s.Range / n, ECE: s.ECE / n}, true
}
