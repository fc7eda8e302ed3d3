package train

import (
	"math"
	"testing"
)

// TestWarmCosineIsDassls compares with rates printed by Dassl's scheduler.
func TestWarmCosineIsDassls(t *testing.T) {
	for _, c := range []struct {
		epoch int
		want  float64
	}{
		{0, 1e-5},
		{1, 0.1},
		{2, 0.09999725846827562},
		{3, 0.09998903417374229},
		{298, 2.4671981713420017e-05},
		{299, 1.0965826257725020e-05},
	} {
		if got := WarmCosine.Rate(0.1, c.epoch, 300); math.Abs(got-c.want) > 1e-16 {
			t.Errorf("epoch %d: %.17g, want %.17g", c.epoch, got, c.want)
		}
	}
	for _, c := range []struct {
		base   float64
		epochs int
	}{{0.002, 50}, {0.002, 10}, {0.0035, 5}, {0.0026, 2}} {
		if got := WarmCosine.Rate(c.base, 1, c.epochs); got != c.base {
			t.Errorf("epoch 1 of %d: %g, want the full rate %g", c.epochs, got, c.base)
		}
		want := c.base * (1 + math.Cos(math.Pi*float64(c.epochs-2)/float64(c.epochs))) / 2
		if got := WarmCosine.Rate(c.base, c.epochs-1, c.epochs); c.epochs > 1 && math.Abs(got-want) > 1e-17 {
			t.Errorf("last epoch of %d: %g, want %g", c.epochs, got, want)
		}
	}
}

func TestOtherSchedules(t *testing.T) {
	if got := Cosine.Rate(2, 5, 10); math.Abs(got-1) > 1e-15 {
		t.Errorf("cosine half way: %g, want 1", got)
	}
	if got := Constant.Rate(2, 5, 10); got != 2 {
		t.Errorf("constant: %g, want 2", got)
	}
	for step, want := range []float64{2, 1 + math.Sqrt(3)/2, 1.5, 1, 0.5, 1 - math.Sqrt(3)/2} {
		if got := StepCosine.StepRate(2, step/3, 2, step%3, 3); math.Abs(got-want) > 1e-15 {
			t.Errorf("step-cosine at step %d of 6: %g, want %g", step, got, want)
		}
		if got := Cosine.StepRate(2, 1, 2, step%3, 3); math.Abs(got-1) > 1e-15 {
			t.Errorf("cosine at step %d of its epoch: %g, want 1", step%3, got)
		}
	}
}
