package pretrain

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"
)

// TestPartsGiveTheGradientsOfTheWholeBatch differentiates one batch whole and in
// parts; only the order of float32 sums differs.
func TestPartsGiveTheGradientsOfTheWholeBatch(t *testing.T) {
	r := smallRecipe()
	whole := newTrainer(t, r)
	wantLoss, want, err := whole.differentiate(context.Background(), newBatches(whole.corpus, r).make(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, parts := range []int{2, 4, 8} {
		r.Accumulate = parts
		tr := newTrainer(t, r)
		loss, got, err := tr.differentiate(context.Background(), newBatches(tr.corpus, r).make(0))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(loss-wantLoss)) > 1e-5 {
			t.Errorf("%d parts: loss %v, want %v", parts, loss, wantLoss)
		}
		for _, name := range tr.weights.Names() {
			a, err := got(name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := want(name)
			if err != nil {
				t.Fatal(err)
			}
			var apart, size float64
			for i, v := range b.Data().([]float32) {
				apart = max(apart, math.Abs(float64(a.Data().([]float32)[i]-v)))
				size = max(size, math.Abs(float64(v)))
			}
			if !(apart <= 2e-5*size+1e-9) {
				t.Errorf("%d parts: the gradient of %s is off by %.2g of %.2g", parts, name, apart, size)
			}
		}
	}
}

func TestAccumulatedRunGoesOnToTheSameBytes(t *testing.T) {
	r := smallRecipe()
	r.Accumulate = 2
	_, whole := saved(t, trainerIn(t, r, "fp32", 2), r.Steps)
	half, _ := saved(t, trainerIn(t, r, "fp32", 2), 2)
	rest := trainerIn(t, r, "fp32", 1)
	if err := rest.Restore(half); err != nil {
		t.Fatal(err)
	}
	if _, state := saved(t, rest, r.Steps); !bytes.Equal(state, whole) {
		t.Error("the resumed run's state differs from the uninterrupted one's")
	}
}

func TestBatchesThatDoNotPartEvenlyAreRefused(t *testing.T) {
	for _, parts := range []int{-1, 3, 16} {
		r := smallRecipe()
		if r.Accumulate = parts; r.Check() == nil {
			t.Errorf("a batch of %d in %d parts", r.Batch, parts)
		}
	}
	// Of one part or none given, a recipe reads as it did before there were parts.
	if strings.Contains(smallRecipe().String(), "accumulate") {
		t.Error("a recipe of one part names it")
	}
}
