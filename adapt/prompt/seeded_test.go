package prompt

import (
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/weights"
)

// uniform is a tensor of n values in [-scale, scale) that is a function of its
// name, the same as in testdata/seeded.py.
func uniform(name string, n int, scale float64) []float32 {
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

// noiseOf is a tensor of the given standard deviation.
func noiseOf(name string, n int, deviation float64) []float32 {
	return uniform("init."+name, n, deviation*math.Sqrt(3))
}

// seededParameter is the weight of a seeded model.
func seededParameter(p weights.Parameter) []float32 {
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
	v := uniform(p.Name, n, scale)
	if len(p.Shape) == 1 && isWeight {
		for i := range v {
			v[i]++
		}
	}
	return v
}

// smallConfig is the model of seeded.py's small().
var smallConfig = weights.Config{
	EmbedDim: 16, Activation: weights.QuickGELU,
	Vision: weights.VisionConfig{ImageSize: 16, Patch: 4, Width: 32, Layers: 3, Heads: 2, MLP: 128},
	Text:   weights.TextConfig{Context: 77, Vocab: 49408, Width: 32, Layers: 3, Heads: 2, MLP: 128},
}

// WriteSeeded writes a model with seeded weights and returns the file's path.
func WriteSeeded(dir string, c weights.Config) (string, error) {
	var tensors []weights.NamedTensor
	for _, p := range c.Parameters() {
		tensors = append(tensors, weights.NamedTensor{Name: p.Name, Shape: p.Shape, Data: seededParameter(p)})
	}
	path := filepath.Join(dir, "seeded.safetensors")
	return path, weights.WriteSafetensors(path, tensors, nil)
}

// WriteSmall is WriteSeeded for examples.
func WriteSmall(dir string) (string, error) { return WriteSeeded(dir, smallConfig) }

// seededModel opens a model with seeded weights.
func seededModel(t testing.TB, c weights.Config, o clip.Options) *Model {
	t.Helper()
	path, err := WriteSeeded(t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	o.Weights = weights.Options{Activation: c.Activation, VisionHeads: c.Vision.Heads, TextHeads: c.Text.Heads}
	m, err := clip.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// golden reads a tensor that make_golden.py wrote.
func golden(t testing.TB, f *weights.File, name string) []float32 {
	t.Helper()
	v, ok := f.Lookup(name)
	if !ok {
		t.Fatalf("the golden file has no %s", name)
	}
	data, err := v.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func openGolden(t testing.TB, name string) *weights.File {
	t.Helper()
	f, err := weights.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// largestError is the largest difference, relative to the largest value wanted.
func largestError(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var worst, top float64
	for i, w := range want {
		top = math.Max(top, math.Abs(float64(w)))
		if d := math.Abs(float64(got[i]) - float64(w)); d > worst || d != d {
			worst = d
		}
	}
	return worst / top
}
