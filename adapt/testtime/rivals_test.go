package testtime

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/settings"
)

func TestTenPicturesOfTheRivalsAgreeWithPyTorch(t *testing.T) {
	g := openGolden(t, "testdata/rivals.safetensors")
	images, texts := openModel(t, goldenConfig, "")
	ctx := context.Background()
	var features [][][]float32
	for i := range g.rows("zero_shot") {
		f, err := images.Encode(ctx, goldenViews(goldenConfig, i))
		if err != nil {
			t.Fatal(err)
		}
		features = append(features, f)
	}
	for name, m := range map[string]Method{
		"a-tpt maximise": ATPT{Sign: Maximise}, "a-tpt minimise": ATPT{Sign: Minimise}, "soc": SoC{Lambda: 20,
			Delta: 0.3},
	} {
		for _, r := range []adapt.Remedy{adapt.None{}, adapt.Penalty{}} {
			name := fmt.Sprintf("%s %s", name, r.Name())
			t.Run(name, func(t *testing.T) {
				tuner, err := NewTuner(ctx, images, texts, goldenClasses, m, r, Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer tuner.Close()
				checkGolden(t, tuner, features, g, name)
			})
		}
	}
}

// TestTenStepsOfFPPAgreeWithPyTorch: with the vectors and the noise of
// make_rivals.py.
func TestTenStepsOfFPPAgreeWithPyTorch(t *testing.T) {
	g := openGolden(t, "testdata/rivals.safetensors")
	_, texts := openModel(t, goldenConfig, "")
	ctx := t.Context()
	p, err := newPrompts("a photo of a", goldenClasses, goldenConfig.Text, false)
	if err != nil {
		t.Fatal(err)
	}
	tower, err := newTextTower(ctx, texts, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tower.Close()
	var losses []float32
	l := &fppLearner{FPP: settings.Resolved(FPP{Steps: 10, Vector: 0.07, Words: 0.14}), tower: tower,
		vectors: len(p.context), progress: func(_ int, loss float64) { losses = append(losses, float32(loss)) }}
	l.Weight = FPP{}.weight(len(goldenClasses))
	l.noise = func(step, draw int, dst []float32) {
		for i, v := range hashed(4000+uint64(step*l.Draws+draw), goldenConfig.Text.Context*tower.width)[:len(dst)] {
			dst[i] = float32(v)
		}
	}
	start := narrow(hashed(3000, len(tower.start)))
	for i := range start {
		start[i] *= 0.2
	}
	v, err := l.learn(ctx, start)
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2][]float32{
		"losses": {losses, g.rows("fpp losses")[0]}, "vectors": {v, slices.Concat(g.rows("fpp vectors")...)},
	} {
		e := relative(pair[0], pair[1])
		t.Logf("%s: largest relative difference %.1e", what, e)
		if !(e <= 1e-4) {
			t.Errorf("%s differ by %.2g of the largest, want at most 1e-4", what, e)
		}
	}
}

// TestFPPFlattensAndStaysNear: what it learns is the same for the same seed, has a
// lower loss than it began with, and starts a tuner.
func TestFPPFlattensAndStaysNear(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	learn := func(seed uint64, f FPP) (v []float32, losses []float64) {
		v, err := LearnStart(t.Context(), texts, goldenClasses, f, Options{Seed: seed},
			func(_ int, loss float64) { losses = append(losses, loss) })
		if err != nil {
			t.Fatal(err)
		}
		return v, losses
	}
	f := FPP{Steps: 40}
	a, losses := learn(1, f)
	b, _ := learn(1, f)
	c, _ := learn(2, f)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("the seed does not decide the vectors")
	}
	if first, last := losses[0], losses[len(losses)-1]; !(last < first) || math.IsNaN(last) {
		t.Errorf("loss from %g to %g", first, last)
	}
	tuner := newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.None{}, Options{Start: a, Pinned: "fpp"})
	if v, _ := tuner.Start(); !slices.Equal(v, a) {
		t.Error("tuning does not start from the vectors")
	}
	if _, err := LearnStart(t.Context(), texts, goldenClasses, FPP{Steps: -1}, Options{}, nil); err == nil {
		t.Error("-1 steps")
	}
}

// TestUnknownConstantsMustBeSet: A-TPT's sign and SoC's constants have no default.
func TestUnknownConstantsMustBeSet(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	for _, c := range []struct {
		m    Method
		want string
	}{
		{ATPT{}, "setting sign is required"}, {SoC{}, "setting lambda is required"},
		{SoC{Lambda: 1}, "setting delta is required"},
		{ATPT{Sign: "both"}, "maximise, minimise"}, {SoC{Lambda: 1, Delta: 2}, "delta is 2"},
	} {
		_, err := NewTuner(t.Context(), images, texts, goldenClasses, c.m, nil, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %q", c.m, err, c.want)
		}
	}
	tcpt, err := adapt.ParseRemedy("tcpt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTuner(t.Context(), images, texts, goldenClasses, TPT{}, tcpt, Options{}); err == nil ||
		!strings.Contains(err.Error(), "learned prompts") {
		t.Errorf("tcpt in tuning: %v", err)
	}
}
