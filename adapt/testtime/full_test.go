package testtime

import (
	"os"
	"slices"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/imagenet"
)

func TestFullSizeAgreesWithPyTorch(t *testing.T) {
	if os.Getenv("CLIPCALIB_FULL") == "" {
		t.Skip("takes a minute and 2 GB: set CLIPCALIB_FULL to run it")
	}
	g := openGolden(t, "testdata/full.safetensors")
	flat := func(name string) []float32 {
		return slices.Concat(g.rows(name)...)
	}
	images, texts := openModel(t, vitB16, "")
	tuner, err := NewTuner(t.Context(), images, texts, imagenet.Names()[:100], TPT{}, adapt.None{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tuner.Close()
	f, err := images.Encode(t.Context(), goldenViews(vitB16, 0))
	if err != nil {
		t.Fatal(err)
	}
	p, err := tuner.TuneFeatures(t.Context(), f, "0")
	if err != nil {
		t.Fatal(err)
	}
	unit, err := tuner.viewFeatures(f)
	if err != nil {
		t.Fatal(err)
	}
	_, grad, err := tuner.differentiate(t.Context(), unit)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range flat("kept") {
		if p.Kept[i] != int(k) {
			t.Fatalf("views %v are kept, PyTorch keeps %v", p.Kept, flat("kept"))
		}
	}
	for _, c := range []struct {
		name      string
		got, want []float32
	}{
		{"loss", []float32{float32(p.Loss)}, flat("loss")},
		{"gradient", grad, flat("gradient")},
		{"tuned vectors", p.Context, flat("context")},
		{"tuned logits", p.Logits, flat("logits")},
		{"zero-shot logits", p.ZeroShot, flat("zero_shot")},
	} {
		e := relative(c.got, c.want)
		t.Logf("%s: differ by %.1e of the largest", c.name, e)
		if !(e <= 1e-4) {
			t.Errorf("%s: outside the tolerance of 1e-4", c.name)
		}
	}
}
