// Package cliptest writes small CLIP models with random weights, for tests and
// examples of the packages that need a checkpoint.
package cliptest

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/text"
	"clipcalib/weights"
)

// Tiny is a model of two layers a tower, with CLIP's vocabulary, that encodes
// a 16-pixel image in well under a millisecond.
func Tiny() weights.Config {
	return weights.Config{
		EmbedDim: 12,
		Vision:   weights.VisionConfig{ImageSize: 16, Patch: 8, Width: 16, Layers: 2, Heads: 2, MLP: 64},
		Text: weights.TextConfig{Context: text.ContextLength, Vocab: text.VocabSize, Width: 8, Layers: 2, Heads: 2,
			MLP: 32},
		Activation: weights.QuickGELU,
	}
}

// TinyResNet is Tiny with a modified ResNet of one block a stage for its images.
func TinyResNet() weights.Config {
	c := Tiny()
	c.Vision = weights.VisionConfig{ImageSize: 32, Width: 8, Layers: 4, Heads: 4, Stages: [4]int{1, 1, 1, 1}}
	return c
}

// Open writes a model with random weights of seed 1 and opens it until the test
// ends.
func Open(tb testing.TB, c weights.Config) *weights.Checkpoint {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "model.pt")
	if err := Write(path, c, 1); err != nil {
		tb.Fatal(err)
	}
	ck, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ck.Close() })
	return ck
}

// Write writes a model with seeded random weights as a PyTorch file, which
// weights.OpenCLIP opens with its heads and activation as c has them.
func Write(path string, c weights.Config, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	var out []weights.NamedTensor
	for _, p := range c.Parameters() {
		t := weights.NamedTensor{Name: p.Name, Shape: p.Shape, Data: make([]float32, p.Len())}
		mean, std := 0.0, 0.1
		switch {
		case p.Name == "logit_scale":
			mean, std = math.Log(100), 0
		case strings.HasSuffix(p.Name, ".running_var"):
			mean, std = 1, 0
		case strings.HasSuffix(p.Name, ".weight") && len(p.Shape) == 1: // a layer norm
			mean = 1
		case strings.HasSuffix(p.Name, "embedding") || strings.HasSuffix(p.Name, "embedding.weight"):
			std = 1
		case len(p.Shape) > 1:
			std = 1 / math.Sqrt(float64(p.Len()/p.Shape[0]))
		}
		for i := range t.Data {
			t.Data[i] = float32(mean + std*rng.NormFloat64())
		}
		out = append(out, t)
	}
	return weights.WritePyTorch(path, out, weights.TorchOptions{Metadata: c.Metadata()})
}
