package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTemperatureRecoversAKnownScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 52))
	l, _, _ := randomCase(rng, 4000, 5)
	labels := make([]int, l.N)
	probs := make([]float64, l.K)
	for i := range labels { // labels drawn from softmax(l)
		softmaxInto(probs, l.Row(i))
		u := rng.Float64()
		for k, p := range probs {
			if u -= p; u <= 0 {
				labels[i] = k
				break
			}
		}
	}
	base, err := FitTemperature(l, labels)
	if err != nil || math.Abs(base.T-1) > 0.1 {
		t.Fatalf("T = %+v, %v; want about 1", base, err)
	}
	for _, factor := range []float64{0.01, 0.5, 7, 90} {
		scaled, err := Scale(l, 1/factor)
		if err != nil {
			t.Fatal(err)
		}
		fit, err := FitTemperature(scaled, labels)
		if err != nil || math.Abs(fit.T/(factor*base.T)-1) > 1e-9 || fit.AtBound {
			t.Errorf("factor %v: %+v, %v; want T = %v", factor, fit, err, factor*base.T)
		}
	}
}

func TestTemperatureWithoutAnOptimum(t *testing.T) {
	cases := []struct {
		name    string
		logits  Matrix
		labels  []int
		t       float64
		atBound bool
	}{
		{"all right", Matrix{2, 2, []float64{3, 0, 0, 2}}, []int{0, 1}, MinTemperature, true},
		{"all wrong", Matrix{2, 2, []float64{3, 0, 0, 2}}, []int{1, 0}, MaxTemperature, true},
		{"equal logits", NewMatrix(2, 3), []int{1, 0}, 1, false},
		{"one class", NewMatrix(3, 1), []int{0, 0, 0}, 1, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fit, err := FitTemperature(c.logits, c.labels)
			if err != nil || fit.T != c.t || fit.AtBound != c.atBound || math.IsNaN(fit.NLL) {
				t.Errorf("%+v, %v", fit, err)
			}
		})
	}
}

func TestScaleRejectsTemperaturesThatAreNotPositive(t *testing.T) {
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := Scale(NewMatrix(1, 2), bad); err == nil {
			t.Errorf("Scale accepts %v", bad)
		}
	}
	if _, err := GridTemperature(NewMatrix(1, 2), []int{0}, Criterion(9)); err == nil {
		t.Error("GridTemperature accepts an unknown criterion")
	}
}

// TestFitsEndWhereTheSlopeIsZero holds fits from near and far against the slope
// with the standard library's exponential: it changes its sign there.
func TestFitsEndWhereTheSlopeIsZero(t *testing.T) {
	rng := rand.New(rand.NewPCG(71, 72))
	for _, c := range []struct {
		n, k                int
		spread, lead, scale float64 // of the logits, of the label's, of all
	}{
		{40, 2, 1, 1, 1}, {200, 5, 1, 1.5, 1}, {200, 5, 1, 1.5, 0.02}, {200, 5, 1, 1.5, 40}, {300, 100, 2.5, 5, 1},
		{300, 100, 2.5, 2, 1}, {300, 100, 2.5, 5, 3}, {9000, 300, 2.5, 6, 1}, {9000, 300, 2.5, 6, 0.3},
		{9000, 300, 2.5, 6, 1.2},
	} {
		m, y := NewMatrix(c.n, c.k), make([]int, c.n)
		for i := range c.n {
			y[i] = rng.IntN(c.k)
			row := m.Row(i)
			for j := range row {
				row[j] = c.spread * rng.NormFloat64()
			}
			row[y[i]] += c.lead
			for j := range row {
				row[j] = c.scale * (row[j] + 20)
			}
		}
		slope := func(b float64) (sum float64) {
			p := make([]float64, c.k)
			for i := range c.n {
				row := m.Row(i)
				peak, z, mean := row[ArgMax(row)], 0.0, 0.0
				for j, v := range row {
					p[j] = math.Exp(b * (v - peak))
					z += p[j]
					mean += p[j] * (v - peak)
				}
				sum += row[y[i]] - peak - mean/z
			}
			return sum
		}
		fit, err := FitTemperature(m, y)
		if err != nil {
			t.Fatal(err)
		}
		kept, _, err := FitCalibrator(Temperature, m, y, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []float64{fit.T, kept.Temperature} {
			if below, above := slope((1-1e-10)/got), slope((1+1e-10)/got); below <= 0 || above >= 0 {
				t.Errorf("%+v: T = %.15g, and the slopes around it are %g and %g", c, got, below, above)
			}
		}
		if nll := nllAt(m, y, fit.T); math.Abs(fit.NLL-nll) > 1e-12*(1+nll) {
			t.Errorf("%+v: NLL %.15g, at that temperature %.15g", c, fit.NLL, nll)
		}
	}
}

func TestExpSumsAreThoseOfTheStandardLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(73, 74))
	for range 2000 {
		d, b := -math.Exp(12*rng.Float64()-8), math.Exp(4*rng.Float64()-2)
		s := expSums([]float64{d}, 0, b)
		want := math.Exp(b * d)
		if b*d <= negligible {
			want = 0
		}
		for j, got := range s {
			if math.Abs(got-want) > float64(4+3*j)*1e-16*math.Abs(want) {
				t.Errorf("d %g, b %g: sum %d is %g, want %g", d, b, j, got, want)
			}
			want *= d
		}
	}
}
