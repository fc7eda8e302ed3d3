package testtime

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/text"
	"clipcalib/vit"
)

// tuner is a small tuner of few views.
func newTestTuner(t *testing.T, images *vit.Encoder, texts *text.Encoder, classes []string, m Method, r adapt.Remedy,
	o Options) *Tuner {
	t.Helper()
	if o.Views == 0 {
		o.Views, o.Keep = 8, 0.5
	}
	tuner, err := NewTuner(context.Background(), images, texts, classes, m, r, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tuner.Close)
	return tuner
}

// picture is a picture of a hash.
func picture(w, h int, seed uint64) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	v := hashed(seed, 3*w*h)
	for i := range w * h {
		c := func(j int) uint8 { return uint8(127 * (1 + v[3*i+j])) }
		m.SetNRGBA(i%w, i/w, color.NRGBA{c(0), c(1), c(2), 255})
	}
	return m
}

func TestBadInputIsAnErrorThatSaysWhat(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	long := strings.TrimSpace(strings.Repeat("very ", 60)) + " cat"
	for _, c := range []struct {
		name    string
		classes []string
		options Options
		want    []string
	}{
		{"context too long", []string{"cat", long}, Options{Context: strings.TrimSpace(strings.Repeat("a photo ", 10))},
			[]string{"class 1 of 2", "context's 20 tokens", "62 of the name", "84 tokens", "takes 77", "shorten"}},
		{"no context", []string{"cat"}, Options{Context: "  "}, []string{"nothing to tune"}},
		{"no classes", nil, Options{}, []string{"no classes"}},
		{"empty class", []string{"cat", " "}, Options{}, []string{"class 1 of 2", "no tokens"}},
		{"negative views", []string{"cat"}, Options{Views: -1}, []string{"-1 views"}},
		{"share of views", []string{"cat"}, Options{Keep: 1.5}, []string{"1.5"}},
		{"NaN rate", []string{"cat"}, Options{LR: math.NaN()}, []string{"learning rate"}},
		{"compat", []string{"cat"}, Options{Compat: "both"}, []string{"both", "clipcalib"}},
	} {
		_, err := NewTuner(context.Background(), images, texts, c.classes, TPT{}, adapt.None{}, c.options)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q does not say %q", c.name, err, w)
			}
		}
	}
}

func TestContextThatJustFits(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	context := strings.TrimSpace(strings.Repeat("very ", 73)) // with start, "cat", "." and end: 77
	tuner := newTestTuner(t, images, texts, []string{"cat"}, TPT{}, adapt.None{},
		Options{Context: context, Views: 2, Keep: 0.5})
	p, err := tuner.Tune(t.Context(), picture(20, 20, 1), "a")
	if err != nil {
		t.Fatal(err)
	}
	if want := 73 * goldenConfig.Text.Width; len(p.Context) != want {
		t.Errorf("%d tuned values, want %d", len(p.Context), want)
	}
}

func TestThinPicturesAndFewClassesUnderAllRemedies(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	for _, classes := range [][]string{{"cat"}, {"cat", "dog"}, {"cat", "cat", "dog"}} {
		for _, m := range allMethods {
			for _, r := range append(adapt.PaperRemedies(), combined(t)) {
				for _, compat := range []adapt.Compat{adapt.Textbook, adapt.CLIPCalib} {
					tuner := newTestTuner(t, images, texts, classes, m, r, Options{Compat: compat, Views: 8, Keep: 0.5,
						AugMix: true})
					for _, size := range [][2]int{{1, 1}, {1, 300}, {300, 1}} {
						p, err := tuner.Tune(t.Context(), picture(size[0], size[1], 9), "thin.png")
						if err != nil {
							t.Fatalf("%d classes, %s, %s, %s, %v: %v", len(classes), m.Name(), r.Name(), compat, size,
								err)
						}
						if len(p.Logits) != len(classes) || notFinite(p.Context) >= 0 {
							t.Fatalf("%d classes, %s, %s, %v: logits %v, context %v", len(classes), m.Name(), r.Name(),
								size, p.Logits, p.Context)
						}
					}
				}
			}
		}
	}
}

func TestAThousandClasses(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	classes := make([]string, 1000)
	for i := range classes {
		classes[i] = fmt.Sprintf("thing %d", i)
	}
	tuner := newTestTuner(t, images, texts, classes, CTPT{}, adapt.ZSNorm{}, Options{})
	p, err := tuner.Tune(t.Context(), picture(40, 30, 2), "x")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Logits) != 1000 || len(p.ZeroShot) != 1000 {
		t.Errorf("%d logits, %d zero-shot logits", len(p.Logits), len(p.ZeroShot))
	}
}

func TestNotANumberNamesTheImage(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	tuner := newTestTuner(t, images, texts, []string{"cat", "dog"}, TPT{}, adapt.None{}, Options{})
	f := [][]float32{make([]float32, 12), make([]float32, 12)}
	f[0][0], f[1][3] = 1, float32(math.NaN())
	_, err := tuner.TuneFeatures(t.Context(), f, "cats/tom.jpg")
	if err == nil || !strings.Contains(err.Error(), "cats/tom.jpg") || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("error %v does not name the image and the value", err)
	}
	if _, err := tuner.TuneFeatures(t.Context(), [][]float32{make([]float32, 7)}, "k"); err == nil ||
		!strings.Contains(err.Error(), "length 7") {
		t.Errorf("error %v for a feature of another length", err)
	}
	if _, err := tuner.TuneFeatures(t.Context(), nil, "k"); err == nil {
		t.Error("no error without views")
	}
	if _, err := tuner.Tune(t.Context(), nil, "k"); err == nil {
		t.Error("no error without a picture")
	}
}

func TestWhatIsMissingOrClosedIsAnError(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	for _, err := range []error{
		func() error {
			_, err := NewTuner(t.Context(), images, texts, []string{"cat"}, nil, nil, Options{})
			return err
		}(),
		func() error {
			_, err := NewTuner(t.Context(), nil, texts, []string{"cat"}, TPT{}, nil, Options{})
			return err
		}(),
	} {
		if err == nil {
			t.Error("no error for a missing argument")
		}
	}
	tuner := newTestTuner(t, images, texts, []string{"cat"}, TPT{}, nil, Options{})
	tuner.Close()
	if _, err := tuner.Tune(t.Context(), picture(8, 8, 1), "k"); err == nil || !strings.Contains(err.Error(),
		"closed") {
		t.Errorf("error %v of a closed tuner", err)
	}
	small := goldenConfig
	small.Text.Vocab = 1000
	images, texts = openModel(t, small, "")
	if _, err := NewTuner(t.Context(), images, texts, []string{"cat"}, TPT{}, nil, Options{}); err == nil ||
		!strings.Contains(err.Error(), "vocabulary of 1000") {
		t.Errorf("error %v for a small vocabulary", err)
	}
}

func TestAZeroFeatureIsNoDisaster(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	tuner := newTestTuner(t, images, texts, []string{"cat", "dog"}, TPT{}, adapt.Penalty{}, Options{})
	p, err := tuner.TuneFeatures(t.Context(), [][]float32{make([]float32, 12)}, "black.png")
	if err != nil {
		t.Fatal(err)
	}
	if p.Logits[0] != 0 || p.Logits[1] != 0 {
		t.Errorf("logits %v, want zeros", p.Logits)
	}
}

func TestViewsDependOnSeedAndPixelsAlone(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	views := func(seed, pixels uint64, name string, augmix bool) string {
		tuner := newTestTuner(t, images, texts, []string{"cat"}, TPT{}, adapt.None{},
			Options{Seed: seed, Views: 5, AugMix: augmix})
		v, err := tuner.Views(picture(50, 40, pixels), name)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(v)
	}
	base := views(1, 3, "a.png", false)
	if views(1, 3, "b.png", false) != base {
		t.Error("the same seed and pixels give other views under another name")
	}
	for name, other := range map[string]string{
		"seed": views(2, 3, "a.png", false), "pixels": views(1, 4, "a.png", false), "AugMix": views(1, 3, "a.png",
			true),
	} {
		if other == base {
			t.Errorf("the views do not depend on the %s", name)
		}
	}
}

func TestImagesDoNotInfluenceEachOther(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	tuner := newTestTuner(t, images, texts, goldenClasses, CTPT{}, adapt.Penalty{}, Options{})
	tune := func(seed uint64) string {
		p, err := tuner.Tune(t.Context(), picture(30, 30, seed), fmt.Sprint(seed))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p)
	}
	first := tune(1)
	tune(2)
	if tune(1) != first {
		t.Error("an image's prediction depends on the one before")
	}
}
