package weights

import (
	"math"
	"slices"
	"testing"
)

func openCLIP(t *testing.T, name string) *Checkpoint {
	t.Helper()
	c, err := OpenCLIP(fixture(name), Options{Activation: QuickGELU})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var tiny = Config{
	EmbedDim: 12,
	Vision:   VisionConfig{ImageSize: 8, Patch: 4, Width: 16, Layers: 2, Heads: 1, MLP: 64},
	Text:     TextConfig{Context: 6, Vocab: 11, Width: 8, Layers: 2, Heads: 1, MLP: 32},
}

func TestAllLayoutsAndContainersGiveOneModel(t *testing.T) {
	want := openCLIP(t, "clip.safetensors")
	for _, tc := range []struct {
		file   string
		layout Layout
	}{
		{"clip.safetensors", LayoutOpenAI},
		{"clip_zip.pt", LayoutOpenAI},
		{"clip_nested.pt", LayoutOpenAI},
		{"clip_legacy.pt", LayoutOpenAI},
		{"clip_torchscript.pt", LayoutOpenAI},
		{"clip_opencliptext.pt", LayoutOpenCLIPText},
		{"clip_huggingface.safetensors", LayoutHuggingFace},
	} {
		t.Run(tc.file, func(t *testing.T) {
			c := openCLIP(t, tc.file)
			if c.Layout != tc.layout {
				t.Errorf("layout %v, want %v", c.Layout, tc.layout)
			}
			if c.Config.ActivationReason != "asked for" || c.Config.Activation != QuickGELU {
				t.Errorf("activation %v, because %q", c.Config.Activation, c.Config.ActivationReason)
			}
			got := c.Config
			got.Activation, got.ActivationReason, got.PreprocessReason, got.LogitScale = 0, "", "", 0
			if got != tiny {
				t.Errorf("config %+v, want %+v", got, tiny)
			}
			if math.Abs(c.Config.Scale()-100) > 0.5 {
				t.Errorf("scale %v, want about 100", c.Config.Scale())
			}
			sameParameters(t, c, want)
		})
	}
}

func sameParameters(t *testing.T, got, want *Checkpoint) {
	t.Helper()
	for _, p := range want.Config.Parameters() {
		g, err := got.View().Get(p.Name, p.Shape...)
		if err != nil {
			t.Error(err)
			continue
		}
		w, err := want.View().Get(p.Name, p.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(g, w) {
			t.Errorf("%s differs", p.Name)
		}
	}
}
