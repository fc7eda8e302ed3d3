package prompt

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/weights"
)

func TestHostileSettingsAreRefused(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	path := filepath.Join(t.TempDir(), "good.safetensors")
	if err := untrained(t, m, PromptSRC{Depth: 2}, goldenClasses).Save(path); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tensors []weights.NamedTensor
	for _, name := range f.Names() {
		v, _ := f.Lookup(name)
		data, err := v.Float32()
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, weights.NamedTensor{Name: name, Shape: v.Shape, Data: data})
	}
	for _, c := range []struct{ key, value, want string }{
		{"logit_scale", "NaN", "logit scale"},
		{"logit_scale", "1e999", "logit scale"},
		{"logit_scale", "", "logit scale"},
		{"method", "coop2", "unknown method"},
		{"method_settings", `{"Depth": -7}`, "depth -7"},
		{"method_settings", `{"Depth": 1000000000}`, "depth 1000000000"},
		{"method_settings", `{"Depth": 2, "VisionContexts": 1000000000000}`, nameVision},
		{"method_settings", `{"Depth": 2, "VisionContexts": -1}`, "-1 vectors"},
		{"method_settings", `[]`, "settings"},
		{"remedy", "", "unknown remedy"},
		{"remedy_settings", `{"Lambda": "x"}`, "settings"},
		{"classes", `[]`, "classes"},
		{"classes", `["cat", ""]`, "class 1"},
		{"classes", `{}`, "classes"},
		{"losses", `"x"`, "losses"},
	} {
		meta := maps.Clone(f.Metadata())
		meta[c.key] = c.value
		bad := filepath.Join(t.TempDir(), "bad.safetensors")
		if err := weights.WriteSafetensors(bad, tensors, meta); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(bad, m, LoadOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: error %v, want one with %q", c.key, c.value, err, c.want)
		}
	}
}
