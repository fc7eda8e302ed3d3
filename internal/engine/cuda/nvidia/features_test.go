//go:build gpu

package nvidia_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/bench"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/imagenet"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// featurePictures is how many pictures and prompts a size encodes.
const featurePictures = 32

// TestGPUFeaturesForPyTorch writes, for every size, a checkpoint of random
// weights and the features of random pictures and of class prompts in every
// precision to the folder CLIPCALIB_GPU_FEATURES, for gpu_check_accuracy.py.
func TestGPUFeaturesForPyTorch(t *testing.T) {
	dir := os.Getenv("CLIPCALIB_GPU_FEATURES")
	if dir == "" {
		t.Skip("writes features where CLIPCALIB_GPU_FEATURES names a folder")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes() {
		c, err := bench.Config(size)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, strings.ReplaceAll(size, "/", "_"))
		if err := bench.WriteRandom(path+".weights", c); err != nil {
			t.Fatal(err)
		}
		ck, err := weights.OpenCLIP(path+".weights", weights.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer ck.Close()
		if err := weights.WriteSafetensors(path+".features", features(t, ck), nil); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s.features", path)
	}
}

// features returns pictures, tokens and their features by precision.
func features(t *testing.T, ck *weights.Checkpoint) []weights.NamedTensor {
	n, s, r := featurePictures, ck.Config.Vision.ImageSize, rand.New(rand.NewPCG(5, 6))
	pixels := make([]float32, n*3*s*s)
	for i := range pixels {
		pixels[i] = float32(r.NormFloat64())
	}
	prompts, err := text.NewTokenizer().TokenizePrompts(text.TemplateDefault, imagenet.Names()[:n])
	if err != nil {
		t.Fatal(err)
	}
	padded := make([]float32, n*text.ContextLength)
	for i, p := range prompts {
		for j, id := range p {
			padded[i*text.ContextLength+j] = float32(id)
		}
	}
	out := []weights.NamedTensor{
		{Name: "images", Shape: []int{n, 3, s, s}, DType: weights.F32, Data: pixels},
		{Name: "tokens", Shape: []int{n, text.ContextLength}, DType: weights.F32, Data: padded},
	}
	for p := cuda.FP32; p <= cuda.FP16; p++ {
		e := open(t, p)
		v, err := vit.NewEncoder(ck, vit.Options{Device: device.Share(e), Batch: n})
		if err != nil {
			t.Fatal(err)
		}
		w, err := text.NewEncoder(ck, text.Options{Device: device.Share(e)})
		if err != nil {
			t.Fatal(err)
		}
		images, err := v.Encode(t.Context(), slices.Collect(slices.Chunk(pixels, 3*s*s)))
		if err != nil {
			t.Fatal(err)
		}
		texts, err := w.EncodeTokens(t.Context(), prompts)
		if err != nil {
			t.Fatal(err)
		}
		for kind, f := range map[string][][]float32{"images": images, "texts": texts} {
			out = append(out, weights.NamedTensor{Name: fmt.Sprintf("%s.%v", kind, p), Shape: []int{n, len(f[0])},
				DType: weights.F32, Data: slices.Concat(f...)})
		}
		v.Close()
		w.Close()
	}
	return out
}
