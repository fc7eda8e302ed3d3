package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/weights"
)

// A bare state dict tells no activation: it is refused with both options, and
// what was asked for is kept by the run and used again by eval.
func TestAnActivationThatWasAskedForIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	told, bare := filepath.Join(dir, "told.pt"), filepath.Join(dir, "bare.safetensors")
	if err := cliptest.Write(told, cliptest.Tiny(), 3); err != nil {
		t.Fatal(err)
	}
	strip(t, told, bare)
	data := folderSet(t, filepath.Join(dir, "colours"), 2, 3)
	bank := filepath.Join(dir, "bank")
	fails(t, []string{"zeroshot", "--weights", bare, "--data", data, "--bank", bank}, bare, "--activation quickgelu",
		"--activation gelu")
	var facts struct {
		Activation string `json:"activation"`
		Source     string `json:"activation_source"`
	}
	heads := []string{"--vision-heads", "2", "--text-heads", "2", "--activation", "gelu", "--preprocess", "inception"}
	read := func(out string) {
		t.Helper()
		if err := json.Unmarshal([]byte(out), &facts); err != nil || facts.Activation != "gelu" ||
			facts.Source != "asked for" {
			t.Errorf("%s: %v", out, err)
		}
	}
	args := append([]string{"zeroshot", "--json", "-q", "--weights", bare, "--data", data, "--bank", bank}, heads...)
	read(mustRun(t, args...).out)
	run := filepath.Join(dir, "run")
	args = append([]string{"adapt", "zslp", "--json", "-q", "--weights", bare, "--data", data, "--shots", "2",
		"--epochs", "2",
		"--bank", bank, "--out", run}, heads...)
	read(mustRun(t, args...).out)
	recipe, err := os.ReadFile(filepath.Join(run, "recipe.yaml"))
	if err != nil || !strings.Contains(string(recipe), "activation_source: asked for") {
		t.Errorf("recipe %s, %v", recipe, err)
	}
	out := mustRun(t, "eval", run, "--json", "-q", "--data", data, "--bank", bank).out
	if !strings.Contains(out, `"activation": "gelu"`) || !strings.Contains(out, `"activation_source": "asked for"`) {
		t.Errorf("eval: %s", out)
	}
	target, err := filepath.Glob(filepath.Join(run, "*", "*", "target.yaml"))
	if err != nil || len(target) == 0 {
		target, _ = filepath.Glob(filepath.Join(run, "*", "target.yaml"))
	}
	if len(target) != 1 {
		t.Fatalf("targets %v", target)
	}
	if raw, _ := os.ReadFile(target[0]); !strings.Contains(string(raw), "mean [0.5 0.5 0.5]") {
		t.Errorf("the preprocessing that was asked for is not the target's: %s", raw)
	}
}

// strip copies a model without its metadata.
func strip(t *testing.T, from, to string) {
	t.Helper()
	f, err := weights.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []weights.NamedTensor
	for _, name := range f.Names() {
		tensor, _ := f.Lookup(name)
		data, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, weights.NamedTensor{Name: name, Shape: tensor.Shape, Data: data})
	}
	if err := weights.WriteSafetensors(to, out, nil); err != nil {
		t.Fatal(err)
	}
}
