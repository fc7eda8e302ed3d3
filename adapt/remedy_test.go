package adapt

import (
	"context"
	"slices"
	"testing"
)

// TestPenaltyStartsOnItsKink: before the first step the logits of TaskRes are
// the zero-shot ones to the last bit, so the penalty adds nothing, whatever
// the shapes.
func TestPenaltyStartsOnItsKink(t *testing.T) {
	for _, c := range []struct{ samples, classes, width, batch int }{
		{40, 5, 16, 256}, {64, 7, 24, 64}, {300, 130, 96, 256}, {257, 100, 64, 257},
	} {
		d := imagenet(c.samples, c.classes, c.width)
		d.Features = d.Features.head(min(c.batch, c.samples))
		d.Labels = d.Labels[:d.Features.Rows]
		o := Options{Epochs: 1, Batch: c.batch}
		for _, m := range []Method{TaskRes{}, ZSLP{}} {
			with, without := mustTrain(t, m, Penalty{}, d, o), mustTrain(t, m, None{}, d, o)
			if with.Losses[0] != without.Losses[0] {
				t.Errorf("%s, %+v: loss %.9g with the penalty, %.9g without", m.Name(), c, with.Losses[0],
					without.Losses[0])
			}
		}
	}
}

func TestSaLSKeepsTheZeroShotRangeAndTheClass(t *testing.T) {
	d, test := small(t)
	a := mustTrain(t, TaskRes{}, SaLS{}, d, Options{Epochs: 20})
	ctx := context.Background()
	mapped, err := a.Logits(test)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := a.RawLogits(ctx, test)
	if err != nil {
		t.Fatal(err)
	}
	zs, err := a.ZeroShotLogits(ctx, test)
	if err != nil {
		t.Fatal(err)
	}
	for i := range mapped.Rows {
		m, r, z := mapped.Row(i), raw.Row(i), zs.Row(i)
		if slices.Max(m) != slices.Max(z) || slices.Min(m) != slices.Min(z) {
			t.Errorf("sample %d: range [%g, %g], want [%g, %g]", i, slices.Min(m), slices.Max(m), slices.Min(z),
				slices.Max(z))
		}
		if slices.Index(m, slices.Max(m)) != slices.Index(r, slices.Max(r)) {
			t.Errorf("sample %d: SaLS changed the class", i)
		}
	}
}
