package calib

import (
	"cmp"
	"math"
	"slices"
)

// The logits of one picture differ by the sums of float32 in another order: by no
// more than twinLogits, nor than that share of the widest row, for those of a
// smaller scale than CLIP's.
const (
	twinLogits = 1e-3
	twinShare  = 1e-4
)

// Twins finds the rows of logits that are of one picture, but for rounding.
type Twins struct {
	rows      Matrix
	order     []int // rows by their first logit
	tolerance float64
}

// NewTwins looks among the rows of logits [N, K].
func NewTwins(logits Matrix) Twins {
	t := Twins{rows: logits, order: make([]int, logits.N)}
	widest := 0.0
	for i := range t.order {
		t.order[i] = i
		row := logits.Row(i)
		widest = max(widest, slices.Max(row)-slices.Min(row))
	}
	slices.SortStableFunc(t.order, func(a, b int) int { return cmp.Compare(logits.Row(a)[0], logits.Row(b)[0]) })
	t.tolerance = min(twinLogits, twinShare*widest)
	return t
}

// Of is the first row that the given one is a twin of, -1 for none, as where it is
// of another number of classes.
func (t Twins) Of(row []float64) int {
	if len(row) != t.rows.K || t.rows.N == 0 {
		return -1
	}
	from, _ := slices.BinarySearchFunc(t.order, row[0]-t.tolerance, func(i int, v float64) int {
		return cmp.Compare(t.rows.Row(i)[0], v)
	})
	first := -1
	for _, i := range t.order[from:] {
		other := t.rows.Row(i)
		if other[0] > row[0]+t.tolerance {
			break
		}
		if first >= 0 && i > first {
			continue
		}
		same := true
		for k := 0; same && k < len(row); k++ {
			same = math.Abs(row[k]-other[k]) <= t.tolerance
		}
		if same {
			first = i
		}
	}
	return first
}

// Firsts are, for every row, the first one that it is a twin of: itself where none
// comes before it.
func (t Twins) Firsts() []int {
	firsts := make([]int, t.rows.N)
	for i := range firsts {
		if firsts[i] = t.Of(t.rows.Row(i)); firsts[i] < i {
			firsts[i] = firsts[firsts[i]] // a row between two may be a twin of both
		}
	}
	return firsts
}
