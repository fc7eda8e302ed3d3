package prompt

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/weights"
)

// noiseOf is a tensor of the given standard deviation.
func noiseOf(name string, n int, deviation float64) []float32 {
	return cliptest.Uniform("init."+name, n, deviation*math.Sqrt(3))
}

// smallConfig is the model of seeded.py's small().
var smallConfig = cliptest.Seeded

// WriteSeeded writes a model with seeded weights and returns the file's path.
func WriteSeeded(dir string, c weights.Config) (string, error) {
	path := filepath.Join(dir, "seeded.safetensors")
	return path, cliptest.WriteSeeded(path, c)
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
