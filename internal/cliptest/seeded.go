package cliptest

import (
	"hash/fnv"
	"math"
	"strings"

	"clipcalib/weights"
)

// Seeded is a model whose weights are a function of their names, the same in Python
// (adapt/prompt/testdata/seeded.py, small), so that no weights need be stored.
var Seeded = weights.Config{
	EmbedDim: 16, Activation: weights.QuickGELU,
	Vision: weights.VisionConfig{ImageSize: 16, Patch: 4, Width: 32, Layers: 3, Heads: 2, MLP: 128},
	Text:   weights.TextConfig{Context: 77, Vocab: 49408, Width: 32, Layers: 3, Heads: 2, MLP: 128},
}

// WriteSeeded writes a model with seeded weights as a safetensors file. Its heads and
// activation are for who opens it to say.
func WriteSeeded(path string, c weights.Config) error {
	var tensors []weights.NamedTensor
	for _, p := range c.Parameters() {
		tensors = append(tensors, weights.NamedTensor{Name: p.Name, Shape: p.Shape, Data: SeededParameter(p)})
	}
	return weights.WriteSafetensors(path, tensors, nil)
}

// Uniform is a tensor of n values in [-scale, scale) that is a function of its name.
func Uniform(name string, n int, scale float64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	state := h.Sum64()
	out := make([]float32, n)
	for i := range out {
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		out[i] = (2*(float32(z>>40)/(1<<24)) - 1) * float32(scale)
	}
	return out
}

// SeededParameter is the weight of a seeded model.
func SeededParameter(p weights.Parameter) []float32 {
	if p.Name == "logit_scale" {
		return []float32{float32(math.Log(20))}
	}
	n, fan := 1, 1
	for i, d := range p.Shape {
		n *= d
		if i > 0 {
			fan *= d
		}
	}
	isWeight := strings.HasSuffix(p.Name, "weight")
	scale := math.Sqrt(3 / float64(fan))
	switch {
	case strings.Contains(p.Name, "embedding"):
		scale = 0.5
	case len(p.Shape) < 2:
		scale = 0.2
	case !isWeight:
		scale = math.Sqrt(3 / float64(p.Shape[0]))
	}
	v := Uniform(p.Name, n, scale)
	if len(p.Shape) == 1 && isWeight {
		for i := range v {
			v[i]++
		}
	}
	return v
}
