package run_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/run"
)

// encoded says how features were made.
func encoded() run.Inputs {
	return run.Inputs{WeightsSHA256: "weights", Preprocessing: "resize 224; fp32", DataSHA256: "pictures",
		Templates: []string{"a photo of a {}."}}
}

// nudged is data whose features differ in their last bits, as those of another
// machine may.
func nudged(d adapt.Data) adapt.Data {
	d.Features = d.Features.Clone()
	for i := range d.Features.Data {
		d.Features.Data[i] *= 1 + 1e-7*float32(i%3)
	}
	return d
}

// What is encoded again from the same pictures is the same input, though its
// bytes differ; features of unknown origin are known by their bytes.
func TestFeaturesEncodedAgainAreTheSameRecipe(t *testing.T) {
	data, target := sample(1, 24, 1), sample(2, 30, 1.5)
	dir := filepath.Join(t.TempDir(), "run")
	adaptTo := func(dir string, d adapt.Data, in run.Inputs) (bool, error) {
		o := options("", dir)
		o.Features, o.Data, o.Inputs = nil, &d, in
		return run.Adapt(context.Background(), o)
	}
	evaluate := func(d adapt.Data, in run.Inputs) run.Result {
		t.Helper()
		d.Prototypes = adapt.Matrix{}
		res, err := run.Eval(context.Background(), run.EvalOptions{Run: dir, Data: &d, Inputs: in, Name: "shifted"})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if trained, err := adaptTo(dir, data, encoded()); err != nil || !trained {
		t.Fatalf("trained %v, %v", trained, err)
	}
	if trained, err := adaptTo(dir, nudged(data), encoded()); err != nil || trained {
		t.Errorf("encoded again: trained %v, %v", trained, err)
	}
	evaluate(target, encoded())
	if !evaluate(nudged(target), encoded()).Reused {
		t.Error("encoded again: the evaluation was repeated")
	}
	for name, change := range map[string]func(*run.Inputs){
		"weights":       func(in *run.Inputs) { in.WeightsSHA256 = "others" },
		"preprocessing": func(in *run.Inputs) { in.Preprocessing = "resize 224; bf16" },
		"pictures":      func(in *run.Inputs) { in.DataSHA256 = "others" },
		"templates":     func(in *run.Inputs) { in.Templates = []string{"{}"} },
	} {
		in := encoded()
		change(&in)
		if _, err := adaptTo(dir, data, in); err == nil || !strings.Contains(err.Error(), "another recipe") {
			t.Errorf("other %s: error %v", name, err)
		}
		if evaluate(target, in).Reused {
			t.Errorf("other %s: the evaluation was reused", name)
		}
		evaluate(target, encoded())
	}
	unknown := filepath.Join(t.TempDir(), "unknown")
	if _, err := adaptTo(unknown, data, run.Inputs{}); err != nil {
		t.Fatal(err)
	}
	if _, err := adaptTo(unknown, nudged(data), run.Inputs{}); err == nil ||
		!strings.Contains(err.Error(), "another recipe") {
		t.Errorf("other features of unknown origin: error %v", err)
	}
}
