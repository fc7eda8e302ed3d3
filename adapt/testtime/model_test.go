package testtime

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/device"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// The model and the classes of testdata/make_golden.py.
var (
	goldenConfig = weights.Config{
		EmbedDim: 12,
		Vision:   weights.VisionConfig{ImageSize: 16, Patch: 8, Width: 16, Layers: 2, Heads: 2, MLP: 64},
		Text: weights.TextConfig{Context: text.ContextLength, Vocab: text.VocabSize, Width: 16, Layers: 3, Heads: 2,
			MLP: 64},
		Activation: weights.QuickGELU,
	}
	goldenClasses = []string{
		"tench", "great white shark", "St.", "jack-o'-lantern", "Zürich", "cock", "737-200",
		"yellow lady's slipper", "electric ray", "café", "2012 Tesla Model S", "hen",
	}
)

// allMethods are the methods, of those of which something must be set one for
// each form.
var allMethods = []Method{TPT{}, CTPT{}, OTPT{}, ATPT{Sign: Maximise}, ATPT{Sign: Minimise}, SoC{Lambda: 20,
	Delta: 0.3}}

// combined is zs-norm+sals.
func combined(t testing.TB) adapt.Remedy {
	t.Helper()
	r, err := adapt.ParseRemedy("zs-norm+sals")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hashed returns n values in [-1, 1) of SplitMix64's finaliser, 24 bits each.
func hashed(seed uint64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		x := (uint64(i+1) + seed<<40) * 0x9E3779B97F4A7C15
		x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
		x = (x ^ x>>27) * 0x94D049BB133111EB
		x ^= x >> 31
		out[i] = float64(x>>40)/(1<<23) - 1
	}
	return out
}

// hashedWeights are the parameters of a model, each from a hash of its place
// among the sorted names.
func hashedWeights(c weights.Config) []weights.NamedTensor {
	params := c.Parameters()
	slices.SortFunc(params, func(a, b weights.Parameter) int { return strings.Compare(a.Name, b.Name) })
	var out []weights.NamedTensor
	for seed, p := range params {
		norm := strings.Contains(p.Name, ".ln_") || strings.HasPrefix(p.Name, "ln_")
		embedding := strings.HasSuffix(p.Name, "embedding") || strings.HasSuffix(p.Name, "embedding.weight")
		factor, add := 1./8, 0.
		switch {
		case p.Name == "logit_scale":
			factor, add = 0, math.Log(100)
		case norm && strings.HasSuffix(p.Name, "weight"):
			add = 1
		case norm:
		case embedding:
			factor = 1. / 4
		case len(p.Shape) > 1:
			factor = 2 / math.Sqrt(float64(p.Len()/p.Shape[0]))
		}
		t := weights.NamedTensor{Name: p.Name, Shape: p.Shape, Data: make([]float32, p.Len())}
		for i, v := range hashed(uint64(seed), p.Len()) {
			t.Data[i] = float32(v*factor + add)
		}
		out = append(out, t)
	}
	return out
}

// openModel writes a model of hashed weights and opens its towers.
func openModel(t testing.TB, c weights.Config, kind string) (*vit.Encoder, *text.Encoder) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.pt")
	if err := weights.WritePyTorch(path, hashedWeights(c), weights.TorchOptions{Metadata: c.Metadata()}); err != nil {
		t.Fatal(err)
	}
	ck, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	dev, err := device.Open(device.Options{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	images, err := vit.NewEncoder(ck, vit.Options{Device: dev})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { images.Close() })
	texts, err := text.NewEncoder(ck, text.Options{Device: dev})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { texts.Close() })
	return images, texts
}
