package cli

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/weights"
)

// Weights that are finite may give features that are not: nothing is written.
func TestEncodeRefusesFeaturesThatAreNotFinite(t *testing.T) {
	t.Parallel()
	f, err := weights.Open(tinyModel())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tensors []weights.NamedTensor
	spoilt := 0
	for _, name := range f.Names() {
		tensor, _ := f.Lookup(name)
		n := weights.NamedTensor{Name: name, Shape: tensor.Shape, DType: tensor.DType}
		if !tensor.DType.Float() {
			n.Ints, err = tensor.Int64()
		} else if n.Data, err = tensor.Float32(); err == nil &&
			(strings.HasSuffix(name, "visual.proj") || name == "text_projection") {
			for i := range n.Data { // finite, but no sum of their products is
				n.Data[i] = math.MaxFloat32
			}
			spoilt++
		}
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, n)
	}
	if spoilt != 2 {
		t.Fatalf("%d tensors spoilt", spoilt)
	}
	dir := t.TempDir()
	w := filepath.Join(dir, "huge.safetensors")
	if err := weights.WriteSafetensors(w, tensors, f.Metadata()); err != nil {
		t.Fatal(err)
	}
	writePNG(t, filepath.Join(dir, "a.png"), picture(0, 1))
	writeFile(t, filepath.Join(dir, "p.txt"), []byte("a photo\n"))
	out := filepath.Join(dir, "f.npy")
	failsClean(t, dir, []string{"encode", "--weights", w, "--images", filepath.Join(dir, "a.png"), "--out", out},
		"finite", "a.png", "weights")
	failsClean(t, dir, []string{"encode", "--weights", w, "--texts", filepath.Join(dir, "p.txt"), "--out", out},
		"finite", "prompt 1", "weights")
}
