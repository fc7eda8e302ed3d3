package pretrain

import (
	"math"
	"strings"
	"testing"
)

func TestRecipeCheckNamesTheField(t *testing.T) {
	if err := DefaultRecipe().Check(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Recipe){
		"steps":        func(r *Recipe) { r.Steps = 0 },
		"batch":        func(r *Recipe) { r.Batch = 1 },
		"warmup":       func(r *Recipe) { r.Warmup = r.Steps + 1 },
		"patches of 5": func(r *Recipe) { r.Patch = 5 },
		"heads":        func(r *Recipe) { r.TextHeads = 5 },
		"lr":           func(r *Recipe) { r.LR = float32(math.NaN()) },
		"betas":        func(r *Recipe) { r.Beta2 = 1 },
		"eps":          func(r *Recipe) { r.Eps = 0 },
		"vision_width": func(r *Recipe) { r.VisionWidth = -1 },
	} {
		r := DefaultRecipe()
		spoil(&r)
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}

func TestRateRisesThenFallsToZero(t *testing.T) {
	r := DefaultRecipe()
	r.LR, r.Warmup, r.Steps = 1, 10, 110
	for step, want := range map[int]float64{0: 0.1, 9: 1, 10: 1, 60: 0.5, 110: 0} {
		if got := float64(r.rate(step)); math.Abs(got-want) > 1e-6 {
			t.Errorf("rate at step %d is %g, want %g", step, got, want)
		}
	}
}

func TestVectorsDoNotDecay(t *testing.T) {
	r := DefaultRecipe()
	if r.adamW(0, []int{4}).WeightDecay != 0 || r.adamW(0, []int{4, 4}).WeightDecay != r.WeightDecay {
		t.Error("weight decay must touch matrices and nothing else")
	}
}
