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
