package table

import (
	"fmt"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/data"
)

// Labelled are logits with their labels.
type Labelled struct {
	Logits calib.Matrix
	Labels []int
}

func (e *Evaluation) rows() Labelled { return Labelled{e.logits, e.labels} }

// pick takes some of the samples.
func (l Labelled) pick(index []int) Labelled {
	out := Labelled{calib.NewMatrix(len(index), l.Logits.K), make([]int, len(index))}
	for j, i := range index {
		copy(out.Logits.Row(j), l.Logits.Row(i))
		out.Labels[j] = l.Labels[i]
	}
	return out
}

// OfClasses are the samples of some classes with the logits of those, as a result of
// these classes has its columns: samples of the others are left out.
func (l Labelled) OfClasses(columns []int) Labelled {
	at := map[int]int{}
	for j, c := range columns {
		at[c] = j
	}
	var index []int
	for i, y := range l.Labels {
		if _, ok := at[y]; ok {
			index = append(index, i)
		}
	}
	out := Labelled{calib.NewMatrix(len(index), len(columns)), make([]int, len(index))}
	for i, from := range index {
		row := l.Logits.Row(from)
		for j, c := range columns {
			out.Logits.Row(i)[j] = row[c]
		}
		out.Labels[i] = at[l.Labels[from]]
	}
	return out
}

// JoinColumns finds the columns of a result of fewer classes among those of its fold,
// by the classes of both; ok is false where a class is not known for certain.
func JoinColumns(fold, measured map[int]data.Class, foldColumns, columns int) (joined []int, ok bool) {
	list := func(of map[int]data.Class, n int) (out []data.Class) {
		for k := range n {
			c, ok := of[k]
			if !ok {
				return nil
			}
			out = append(out, c)
		}
		return out
	}
	a, b := list(fold, foldColumns), list(measured, columns)
	if columns >= foldColumns || a == nil || b == nil {
		return nil, false
	}
	joined, err := data.Join(a, b)
	return joined, err == nil
}

// MeasureSets makes conformal sets for some samples in one of the [SetKinds],
// calibrated on a fold, and measures them.
func MeasureSets(kind string, coverage float64, fold, test Labelled) (f calib.SetFigures, err error) {
	o := calib.ConformalOptions{Score: kind, Coverage: coverage, K: 1}
	var from, to calib.Rows = fold.Logits, test.Logits
	if kind == ConfOT {
		o.Score = calib.LAC
		a, b, err := calib.ConfOT(fold.Logits, test.Logits, fold.Labels, calib.TransportOptions{})
		if err != nil {
			return f, err
		}
		from, to = calib.LogRows(a), calib.LogRows(b)
	}
	c, err := calib.FitConformal(from, fold.Labels, o)
	if err != nil {
		return f, err
	}
	sets, err := c.Sets(to)
	if err != nil {
		return f, err
	}
	return calib.EvaluateSets(sets, test.Labels, c.Classes, coverage)
}

// MostSplits bounds how often a fold is drawn.
const MostSplits = 10_000

// MeasureSplits is [MeasureSets] with the fold drawn from the samples themselves, a
// half of every class, under as many seeds from 0 as there are splits: those of
// clipcalib conformal --splits.
func MeasureSplits(kind string, coverage float64, splits int, all Labelled) (figures []calib.SetFigures, err error) {
	for seed := range splits {
		first, second, err := calib.SplitStratified(all.Labels, 0.5, uint64(seed))
		if err != nil {
			return nil, err
		}
		f, err := MeasureSets(kind, coverage, all.pick(first), all.pick(second))
		if err != nil {
			return nil, fmt.Errorf("split %d, calibrated on %d of %d samples: %w", seed, len(first), len(all.Labels),
				err)
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// OverSplits is the median of a figure over splits, and where 95 per cent of them lie.
func OverSplits(values []float64) (median float64, i calib.Interval) {
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 {
		x := q * float64(len(sorted)-1)
		low := int(x)
		high := min(low+1, len(sorted)-1)
		return sorted[low] + (x-float64(low))*(sorted[high]-sorted[low])
	}
	return at(0.5), calib.Interval{Low: at(0.025), High: at(0.975)}
}
