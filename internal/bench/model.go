// Package bench measures what an engine reaches: its matrix-product peak and
// memory bandwidth, encoding of images and prompts, and steps of an adapter,
// each with the work it needs and the share of the peak it got. Weights are
// random: time does not depend on them.
package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/weights"
)

// configs are the published ViT sizes at 224 pixels.
var configs = map[string]weights.Config{
	"ViT-B/32": size(32, 768, 12, 512, 512),
	"ViT-B/16": size(16, 768, 12, 512, 512),
	"ViT-L/14": size(14, 1024, 24, 768, 768),
}

func size(patch, width, layers, dim, text int) weights.Config {
	return weights.Config{
		EmbedDim:   dim,
		Vision:     weights.VisionConfig{ImageSize: 224, Patch: patch, Width: width, Layers: layers, Heads: width / 64, MLP: 4 * width},
		Text:       weights.TextConfig{Context: 77, Vocab: 49408, Width: text, Layers: 12, Heads: text / 64, MLP: 4 * text},
		Activation: weights.QuickGELU,
		LogitScale: float32(math.Log(100)),
	}
}

// Config returns a published size by name.
func Config(name string) (weights.Config, error) {
	for known, c := range configs {
		if strings.EqualFold(known, name) {
			return c, nil
		}
	}
	return weights.Config{}, fmt.Errorf("model %q is unknown: choose ViT-B/32, ViT-B/16 or ViT-L/14", name)
}

// Random opens a model of the given size with seeded random weights. They are
// written to a temporary file, which is removed, so that loading is the real
// thing.
func Random(c weights.Config) (*weights.Checkpoint, error) {
	dir, err := os.MkdirTemp("", "clipcalib-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	rng := rand.New(rand.NewPCG(1, 1))
	var tensors []weights.NamedTensor
	for _, p := range c.Parameters() {
		t := weights.NamedTensor{Name: p.Name, Shape: p.Shape, DType: weights.F16, Data: make([]float32, p.Len())}
		std := 0.02
		switch {
		case p.Name == "logit_scale":
			t.Data[0] = c.LogitScale
			std = 0
		case strings.Contains(p.Name, "ln_") && strings.HasSuffix(p.Name, "weight"):
			for i := range t.Data {
				t.Data[i] = 1
			}
			std = 0
		}
		if std > 0 {
			for i := range t.Data {
				t.Data[i] = float32(std * (rng.Float64()*2 - 1) * math.Sqrt(3))
			}
		}
		tensors = append(tensors, t)
	}
	path := filepath.Join(dir, "random.safetensors")
	if err := weights.WriteSafetensors(path, tensors, c.Metadata()); err != nil {
		return nil, err
	}
	return weights.OpenCLIP(path, weights.Options{})
}

// imageFLOPs is the work of one image, two a multiply-add: projections, MLPs
// and attention products over all tokens, less what the last block need not
// do for tokens nobody reads.
func imageFLOPs(c weights.Config) float64 {
	v := c.Vision
	n := float64(v.Grid() * v.Grid())
	w, mlp := float64(v.Width), float64(v.MLP)
	f := 2 * n * w * float64(3*v.Patch*v.Patch)
	f += blocks(float64(v.Layers), n+1, n+1, 1, w, mlp)
	return f + 2*w*float64(c.EmbedDim)
}

// blocks is the work of a tower's blocks over rows tokens which see keys tokens
// each; the last block's output projection and MLP run for read rows only.
func blocks(layers, rows, keys, read, w, mlp float64) float64 {
	attend := rows * (2*3*w*w + 4*keys*w)
	rest := 2*w*w + 4*w*mlp
	return layers*attend + ((layers-1)*rows+read)*rest
}

// textFLOPs is the work of prompts whose trie has nodes with depths that sum
// to depths.
func textFLOPs(c weights.Config, nodes, depths, prompts int) float64 {
	t := c.Text
	w, mlp := float64(t.Width), float64(t.MLP)
	keys := float64(depths)/float64(nodes) + 1
	f := blocks(float64(t.Layers), float64(nodes), keys, float64(prompts), w, mlp)
	return f + 2*float64(prompts)*w*float64(c.EmbedDim)
}
