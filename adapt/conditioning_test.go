package adapt

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Penalty on methods that start at the zero-shot logits is ill-conditioned: every
// logit begins on the kink of a ReLU, and rounding decides when it crosses. Another
// order of the features' columns changes nothing but rounding, and then changes
// logits many times more than without a remedy, as it does in PyTorch.
// docs/RESULTS.md says so.
func TestPenaltyFromTheZeroShotStartIsIllConditioned(t *testing.T) {
	const classes, width, samples = 50, 256, 400
	r := rand.New(rand.NewPCG(3, 3))
	order := r.Perm(width)
	noise := func(by float64) float32 { return float32(by * r.NormFloat64()) }
	cone := make([]float32, width)
	for j := range cone {
		cone[j] = noise(1 / math.Sqrt(width))
	}
	d := Data{LogitScale: 100, Prototypes: NewMatrix(classes, width), Features: NewMatrix(samples, width)}
	for i := range d.Prototypes.Data {
		d.Prototypes.Data[i] = 9 * (cone[i%width] + noise(0.03))
	}
	for i := range samples {
		d.Labels = append(d.Labels, i%classes)
		for j := range width {
			d.Features.Row(i)[j] = 2*cone[j] + 4*cone[(j+5)%width] + 0.3*d.Prototypes.Row(i % classes)[j] + noise(0.3)
		}
	}
	test := d.Features.head(100)
	turned := func(m Matrix) Matrix {
		out := NewMatrix(m.Rows, m.Cols)
		for i := range m.Rows {
			for j, from := range order {
				out.Row(i)[j] = m.Row(i)[from]
			}
		}
		return out
	}
	other := d
	other.Features, other.Prototypes = turned(d.Features), turned(d.Prototypes)
	difference := func(m Method, r Remedy) float64 {
		o := Options{Epochs: 60, Batch: samples}
		a, err := mustTrain(t, m, r, d, o).Logits(test)
		if err != nil {
			t.Fatal(err)
		}
		b, err := mustTrain(t, m, r, other, o).Logits(turned(test))
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, v := range a.Data {
			worst = max(worst, math.Abs(float64(v-b.Data[i])))
		}
		return worst
	}
	for _, m := range []Method{ZSLP{}, TaskRes{}, CLAP{}} {
		plain, penalty := difference(m, nil), difference(m, Penalty{})
		t.Logf("%s: %.2g without a remedy, %.2g under penalty", m.Name(), plain, penalty)
		if plain > 1e-4 {
			t.Errorf("%s: logits differ by %.2g without a remedy", m.Name(), plain)
		}
		if penalty < 20*plain {
			t.Errorf("%s: under penalty logits differ by %.2g alone (%.2g without): the docs say more", m.Name(),
				penalty, plain)
		}
	}
}
