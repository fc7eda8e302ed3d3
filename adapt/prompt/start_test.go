package prompt

import (
	"context"
	"math"
	"slices"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
)

// oneStep is the context vectors after one step along the plain gradient.
func oneStep(t *testing.T, m *Model, method Method, r adapt.Remedy, d Data) []float32 {
	t.Helper()
	l, err := Train(context.Background(), m, method, r, d, Options{Epochs: 1, Batch: len(d.Labels), LR: 1,
		WeightDecay: -1, Schedule: adapt.Constant})
	if err != nil {
		t.Fatal(err)
	}
	return l.Parameters()[nameCtx]
}

// Prompts that start from the phrase of the zero-shot reference lie within its
// range, so that Penalty has nothing to charge: its gradient is 0 and not that of
// rounding. The reference implementation's first gradient has 2.3e-9.
func TestPenaltyHasNoGradientAtTheStart(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	d := goldenData(t, m)
	d.Prototypes, d.Template = adapt.Matrix{}, ""
	given := d
	rows, err := m.Prototypes(context.Background(), []string{"a photo of a {}."}, plainNames(d.Classes), clip.Unit)
	if err != nil {
		t.Fatal(err)
	}
	given.Prototypes = adapt.NewMatrix(len(rows), len(rows[0]))
	for k, r := range rows {
		copy(given.Prototypes.Row(k), r)
	}
	for name, d := range map[string]Data{"made here": d, "given": given} {
		plain := oneStep(t, m, CoOp{Init: phrase}, nil, d)
		if got := oneStep(t, m, CoOp{Init: phrase}, adapt.Penalty{}, d); !slices.Equal(got, plain) {
			t.Errorf("prototypes %s: the first step under penalty differs by %.2g", name, furthest(got, plain))
		}
		if got := oneStep(t, m, KgCoOp{}, nil, d); !(furthest(got, plain) < 1e-6) {
			t.Errorf("prototypes %s: the first step of kgcoop differs by %.2g", name, furthest(got, plain))
		}
	}
	// Elsewhere there is something to charge.
	given.Prototypes = given.Prototypes.Clone()
	slices.Reverse(given.Prototypes.Data)
	plain := oneStep(t, m, CoOp{Init: phrase}, nil, given)
	if got := oneStep(t, m, CoOp{Init: phrase}, adapt.Penalty{}, given); slices.Equal(got, plain) {
		t.Error("penalty does nothing where the reference is another")
	}
}

func furthest(a, b []float32) float64 {
	worst := 0.0
	for i, v := range a {
		worst = max(worst, math.Abs(float64(v-b[i])))
	}
	return worst
}
