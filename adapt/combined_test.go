package adapt

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/settings"
)

func combinedOf(t testing.TB, name string) Remedy {
	t.Helper()
	r, err := ParseRemedy(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestACombinationTrainsAsOnePartAndMapsAsTheOther(t *testing.T) {
	d, test := small(t)
	r, err := ParseRemedy("zs-norm+sals")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Epochs: 20}
	both, first := mustTrain(t, TaskRes{}, r, d, o), mustTrain(t, TaskRes{}, ZSNorm{}, d, o)
	if !slices.Equal(both.Losses, first.Losses) {
		t.Fatalf("losses %v, those of zs-norm alone are %v", both.Losses, first.Losses)
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := both.Save(path); err != nil {
		t.Fatal(err)
	}
	if both, err = Load(path); err != nil {
		t.Fatal(err)
	}
	if both.Remedy.Name() != "zs-norm+sals" {
		t.Fatalf("remedy of the file: %s", both.Remedy.Name())
	}
	got, err := both.Logits(test)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := first.Logits(test)
	if err != nil {
		t.Fatal(err)
	}
	zs, err := first.ZeroShotLogits(context.Background(), test)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Rescale(SaLS{}, raw, zs)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Data, want.Data) || slices.Equal(got.Data, raw.Data) {
		t.Error("logits are not those of zs-norm under sals")
	}
}

// TestSettingsOfACombinationAreThoseOfItsParts: they are set, recorded, saved and
// read back.
func TestSettingsOfACombinationAreThoseOfItsParts(t *testing.T) {
	d, _ := small(t)
	r, err := ParseRemedy("penalty+sals")
	if err != nil {
		t.Fatal(err)
	}
	if err := settings.Apply([]string{"remedy.lambda=3"}, settings.OwnerOf("remedy", &r)); err != nil {
		t.Fatal(err)
	}
	if got := settings.Values(r)["lambda"]; got != 3.0 {
		t.Fatalf("lambda is %v", got)
	}
	o := Options{Epochs: 5}
	a, b := mustTrain(t, TaskRes{}, r, d, o), mustTrain(t, TaskRes{}, Penalty{Lambda: 3}, d, o)
	if !slices.Equal(a.Losses, b.Losses) {
		t.Errorf("losses %v, want %v", a.Losses, b.Losses)
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	if a, err = Load(path); err != nil {
		t.Fatal(err)
	}
	if got := settings.Values(a.Remedy)["lambda"]; got != 3.0 {
		t.Errorf("lambda of the file is %v", got)
	}
	if again, err := settings.Restore(r, map[string]any{"lambda": 4.0}); err != nil ||
		settings.Values(again)["lambda"] != 4.0 || settings.Values(r)["lambda"] != 3.0 {
		t.Errorf("restored %v, %v; what it was restored from is %v", settings.Values(again), err, settings.Values(r))
	}
}

func TestCombinationsWithoutMeaningAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"sals+zs-norm":         "write zs-norm+sals",
		"none+sals":            "does nothing",
		"sals+sals":            "twice",
		"zs-norm+":             "unknown remedy",
		"+":                    "unknown remedy",
		"zs-norm+sasl":         "did you mean sals",
		"zs-norm+penalty+tcp":  "tcpt",
		"penalty+zs-norm+sals": "write zs-norm+penalty+sals",
	} {
		if _, err := ParseRemedy(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", name, err, want)
		}
	}
	if _, err := Combine(ZSNorm{}); err == nil {
		t.Error("one remedy is no combination")
	}
	ab, err := Combine(ZSNorm{}, SaLS{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Combine(ab, Penalty{}); err == nil {
		t.Error("a combination within another")
	}
}

// TestRemediesOfTextsAreForPrompts: an adapter has no text features that training
// changes.
func TestRemediesOfTextsAreForPrompts(t *testing.T) {
	d, _ := small(t)
	for _, name := range []string{"tcpt", "penalty+tcpt"} {
		r, err := ParseRemedy(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Train(context.Background(), TaskRes{}, r, d, Options{}); err == nil ||
			!strings.Contains(err.Error(), "learned prompts") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := Resolved(TCPT{Moments: Zero}); got.Moments != 0 || math.Abs(got.MarginMean-0.1) > 0 {
		t.Errorf("%+v", got)
	}
}
