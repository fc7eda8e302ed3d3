package run_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/run"
	"clipcalib/weights"
)

// withWeights trains below root on the checkpoint beside it.
func withWeights(t *testing.T, root string) string {
	t.Helper()
	checkpoint := filepath.Join(root, "models", "tiny.pt")
	if err := os.MkdirAll(filepath.Dir(checkpoint), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(checkpoint, []byte("weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	features, _ := files(t)
	o := options(features, filepath.Join(root, "runs", "a"))
	o.Method, o.Remedy = adapt.TaskRes{Alpha: 0.25}, adapt.Penalty{Lambda: adapt.Zero}
	o.Classes = []run.Class{{Name: "cat", Prompts: []string{"a photo of a cat."}}}
	o.Inputs = run.Inputs{Weights: checkpoint, WeightsSHA256: "abc quick_gelu", Preprocessing: "rgb, resize 32; fp32; random crop",
		Templates: []string{"a photo of a {}."}}
	o.Config = &weights.Config{Activation: weights.QuickGELU, EmbedDim: 8, Vision: weights.VisionConfig{ImageSize: 32, Patch: 8, Width: 16, Layers: 2, Heads: 2},
		Text: weights.TextConfig{Heads: 4}}
	train(t, o)
	return o.Out
}

func TestARunSaysWhatIsNeededToUseIt(t *testing.T) {
	root := t.TempDir()
	dir := withWeights(t, root)
	m, err := run.ReadModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m.Method != "taskres" || m.MethodSettings["alpha"] != 0.25 || m.Remedy != "penalty" || m.RemedySettings["lambda"] != 0 ||
		m.Activation != "quick_gelu" || m.VisionHeads != 2 || m.TextHeads != 4 || m.ImageSize != 32 || m.Preprocessing != "rgb, resize 32" ||
		len(m.Templates) != 1 || len(m.Classes) != 1 || m.Classes[0].Name != "cat" || m.LogitScale != adapt.DefaultLogitScale {
		t.Errorf("%+v", m)
	}
	path, err := m.FindWeights(dir)
	if err != nil || path != filepath.Join(root, "models", "tiny.pt") {
		t.Errorf("weights at %s, %v", path, err)
	}
	// The folder and its weights go elsewhere together.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(root, moved); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(moved, "runs", "a")
	if path, err = m.FindWeights(dir); err != nil || path != filepath.Join(moved, "models", "tiny.pt") {
		t.Errorf("after a move: weights at %s, %v", path, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err = m.FindWeights(dir); err == nil || !strings.Contains(err.Error(), "--weights") || !strings.Contains(err.Error(), path) {
		t.Errorf("without weights: %v", err)
	}
}

func TestAnOlderRunIsUpgradedInMemory(t *testing.T) {
	dir := withWeights(t, t.TempDir())
	want, err := run.ReadModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model.yaml", "manifest.json"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := run.ReadModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	// What an older folder does not say.
	want.Weights.Relative, want.Architecture, want.Activation, want.ImageSize = "", "", "", 0
	want.VisionHeads, want.TextHeads = 0, 0
	if !reflect.DeepEqual(got, want) {
		t.Errorf("upgraded to\n%+v, want\n%+v", got, want)
	}
}

func TestAModelFileThatCannotBeUsedIsRefused(t *testing.T) {
	dir := withWeights(t, t.TempDir())
	path := filepath.Join(dir, "model.yaml")
	if err := os.Remove(filepath.Join(dir, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for want, content := range map[string]string{
		"version 2":      strings.Replace(string(good), "version: 1", "version: 2", 1),
		"does not say":   "{}",
		"model.yaml":     "version: [",
		"unknown family": strings.Replace(string(good), "family: adapters", "family: trees", 1),
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := run.ReadModel(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "adapter.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := run.ReadModel(dir); err == nil || !strings.Contains(err.Error(), "not finished") {
		t.Errorf("half a run: %v", err)
	}
	if _, err := run.ReadModel(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no run here") {
		t.Errorf("no run: %v", err)
	}
}
