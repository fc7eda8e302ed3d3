package study

import (
	"math"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/run"
)

// Key tells a row of the study: a method with what keeps it calibrated.
type Key struct {
	Task, Family, Method, Remedy string
}

// Cell is a row under one seed in one place: figures are means over the targets
// there, each of which counts as one.
type Cell struct {
	Key
	Seed    string // "" of the zero-shot model
	Where   string
	Targets int
	Samples int // of all targets

	Accuracy, ECE, NLL, Brier, Range float64
	// Width is the mean over samples of log(range / zero-shot range), Gap that of its
	// size.
	Width, Gap float64
}

// Logits are what a row gave on one target.
type Logits struct {
	Where    string
	Set      string // as the evaluation's target names it
	Logits   calib.Matrix
	ZeroShot calib.Matrix
	Labels   []int
}

// figures are the metrics of a cell.
type figures struct{ Accuracy, ECE, NLL, Brier, LogitRange float64 }

// measured is a row's logits in the form that figures and differences come from.
type measured struct {
	where, set  string
	predictions calib.Predictions
	labels      []int
	metrics     figures
	width, gap  float64
}

func measure(l Logits, bins int) (measured, error) {
	p, err := calib.Predict(l.Logits, l.Labels)
	if err != nil {
		return measured{}, err
	}
	m := measured{where: l.Where, set: l.Set, predictions: p, labels: l.Labels, metrics: figures{Accuracy: p.Accuracy(),
		ECE: p.ECE(bins), NLL: p.NLL(), Brier: p.Brier(), LogitRange: p.LogitRange()}}
	for i := range l.Logits.N {
		r := math.Log(max(run.RangeRatio(rangeOf(l.Logits.Row(i)), rangeOf(l.ZeroShot.Row(i))), 1e-6))
		m.width += r / float64(l.Logits.N)
		m.gap += math.Abs(r) / float64(l.Logits.N)
	}
	return m, nil
}

func rangeOf(row []float64) float64 { return slices.Max(row) - slices.Min(row) }

// cellsOf are the cells of a row under a seed.
func cellsOf(key Key, seed string, all []measured) (out []Cell) {
	for _, where := range append([]string{Fold}, Wheres...) {
		c := Cell{Key: key, Seed: seed, Where: where}
		for _, m := range all {
			if m.where != where {
				continue
			}
			c.Targets++
			c.Samples += len(m.labels)
			c.Accuracy += m.metrics.Accuracy
			c.ECE += m.metrics.ECE
			c.NLL += m.metrics.NLL
			c.Brier += m.metrics.Brier
			c.Range += m.metrics.LogitRange
			c.Width += m.width
			c.Gap += m.gap
		}
		if c.Targets == 0 {
			continue
		}
		for _, v := range []*float64{&c.Accuracy, &c.ECE, &c.NLL, &c.Brier, &c.Range, &c.Width, &c.Gap} {
			*v /= float64(c.Targets)
		}
		out = append(out, c)
	}
	return out
}
