package run

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipcalib/adapt"
)

// The values are scipy.special.kolmogorov's (SciPy 1.16).
func TestKolmogorovIsSciPys(t *testing.T) {
	for x, want := range map[float64]float64{0.05: 1, 0.3: 0.9999906941986655, 0.6: 0.8642827790506042,
		0.9: 0.3927307079406543, 0.999: 0.27107316411506394, 1: 0.26999967167735456, 1.2: 0.11224966667072497,
		1.6276: 0.010001537333060776, 2.5: 7.453306344157342e-06, 5: 3.8574996959278356e-22} {
		if got := kolmogorov(x); math.Abs(got-want) > 1e-12*max(want, 1e-8) {
			t.Errorf("kolmogorov(%g) = %v, want %v", x, got, want)
		}
	}
}

// referenceOf are statistics of the ratios given.
func referenceOf(t *testing.T, ratios []float64) Drift {
	t.Helper()
	n := len(ratios)
	adapted, zeroShot := adapt.NewMatrix(n, 2), adapt.NewMatrix(n, 2)
	for i, r := range ratios {
		adapted.Row(i)[0], zeroShot.Row(i)[0] = float32(r), 1
	}
	d, err := driftOf(adapted, zeroShot, n)
	if err != nil {
		t.Fatal(err)
	}
	return *d
}

func TestABatchIsTestedAgainstTheReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func(n int, mean, spread float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = mean + spread*rng.NormFloat64()
		}
		return out
	}
	d := referenceOf(t, draw(1000, 2, 0.3))
	fires := func(n int, mean, spread float64) (share float64) {
		const times = 400
		for range times {
			if _, p := d.Batch(draw(n, mean, spread)); p < Significance {
				share += 1.0 / times
			}
		}
		return share
	}
	for _, c := range []struct {
		name         string
		n            int
		mean, spread float64
		least, most  float64
	}{
		{"the same", 64, 2, 0.3, 0, 0.03},
		{"one picture", 1, 9, 0, 0, 0}, // never enough
		{"a moved middle, all within the bounds", 64, 1.75, 0.2, 0.9, 1},
		{"a narrower one", 64, 2, 0.1, 0.9, 1},
		{"far outside", 16, 4, 0.3, 1, 1},
	} {
		if got := fires(c.n, c.mean, c.spread); got < c.least-1e-9 || got > c.most+1e-9 {
			t.Errorf("%s: fires in %.3f of the batches, want %g to %g", c.name, got, c.least, c.most)
		}
	}
	if distance, p := d.Batch(nil); !math.IsNaN(distance) || p != 1 {
		t.Errorf("no pictures: %v, %v", distance, p)
	}
}

// A reference of equal ratios is one step, met exactly.
func TestTheReferencesDistributionHasSteps(t *testing.T) {
	d := referenceOf(t, []float64{1, 1, 1, 2})
	for v, want := range map[float64]float64{0.5: 0, 1: 0.66, 1.99: 0.99, 2: 1, 3: 1} {
		if got := d.cumulative(v); math.Abs(got-want) > 0.01 {
			t.Errorf("share at or below %g: %v, want %v", v, got, want)
		}
	}
	if !slices.IsSorted(d.Ratios) || len(d.Ratios) != 101 || d.Lower() != 1 {
		t.Errorf("%+v", d)
	}
}
