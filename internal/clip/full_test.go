package clip

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"clipcalib/internal/device"
	"clipcalib/weights"
)

// fullDir is the folder testdata/make_full.py wrote to.
func fullDir(t *testing.T) string {
	dir := os.Getenv("CLIPCALIB_FULL")
	if dir == "" {
		t.Skip("full-size models are not in the tree: write them with testdata/make_full.py and set CLIPCALIB_FULL to " +
			"their folder")
	}
	return dir
}

func TestFullSizeAgreesWithPyTorch(t *testing.T) {
	dir := fullDir(t)
	goldens, err := filepath.Glob(filepath.Join(dir, "*.golden.safetensors"))
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no *.golden.safetensors in %s (%v)", dir, err)
	}
	for _, path := range goldens {
		name := strings.TrimSuffix(filepath.Base(path), ".golden.safetensors")
		for _, layout := range []string{"openai.pt", "text.pt", "hf.safetensors"} {
			if _, err := os.Stat(filepath.Join(dir, name+"."+layout)); err != nil && strings.HasPrefix(name, "RN") {
				continue // transformers has no such tower
			}
			t.Run(name+" "+layout, func(t *testing.T) {
				checkFull(t, filepath.Join(dir, name+"."+layout), openGolden(t, path))
			})
			runtime.GC()
		}
	}
}

func checkFull(t *testing.T, path string, g golden) {
	start := time.Now()
	d, err := device.Open(device.Options{Precision: os.Getenv("CLIPCALIB_PRECISION")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := Open(path, Options{Device: d, Weights: weights.Options{Activation: weights.QuickGELU}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	loaded := time.Since(start)
	ctx := context.Background()
	images, err := m.Images.Encode(ctx, g.rows("images"))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.Texts.EncodeTokens(ctx, g.tokens())
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.ZeroShot(ctx, images, texts)
	if err != nil {
		t.Fatal(err)
	}
	ic, tc := leastCosine(images, g.rows("image_features")), leastCosine(texts, g.rows("text_features"))
	diff := largestDifference(logits, g.rows("logits"))
	t.Logf("%s %s, %s: loaded in %.2f s; 1 - least cosine: images %.1e, texts %.1e; largest logit difference %.1e",
		m.Config.Architecture(), filepath.Base(path), d.Name(), loaded.Seconds(), 1-ic, 1-tc, diff)
	if os.Getenv("CLIPCALIB_PRECISION") == "bf16" {
		return // shown, not held to float32's tolerance
	}
	if !(ic >= 0.99999 && tc >= 0.99999 && diff <= 1e-3) {
		t.Error("outside the tolerance: cosine 0.99999, logits 1e-3")
	}
}

func leastCosine(a, b [][]float32) float64 {
	least := math.Inf(1)
	for i := range a {
		var dot float64
		for j := range a[i] {
			dot += float64(a[i][j]) * float64(b[i][j])
		}
		if c := dot * inverseNorm(a[i]) * inverseNorm(b[i]); !(c >= least) {
			least = c
		}
	}
	return least
}

func largestDifference(a, b [][]float32) float64 {
	var worst float64
	for i := range a {
		for j := range a[i] {
			if d := math.Abs(float64(a[i][j]) - float64(b[i][j])); !(d <= worst) {
				worst = d
			}
		}
	}
	return worst
}

func TestFullSizeGradientAgreesWithPyTorch(t *testing.T) {
	dir := fullDir(t)
	goldens, _ := filepath.Glob(filepath.Join(dir, "*.gradients.safetensors"))
	if len(goldens) == 0 {
		t.Skip("no gradients there: make_full.py --gradients ViT-B-32 writes them")
	}
	for _, path := range goldens {
		name := strings.TrimSuffix(filepath.Base(path), ".gradients.safetensors")
		ck, err := weights.OpenCLIP(filepath.Join(dir, name+".openai.pt"),
			weights.Options{Activation: weights.QuickGELU})
		if err != nil {
			t.Fatal(err)
		}
		dev, err := device.Open(device.Options{})
		if err != nil {
			t.Fatal(err)
		}
		g := openGolden(t, path)
		loss, grads := contrastiveGradients(t, ck, device.Engine(dev), g, 1.5)
		ck.Close()
		worst, where := 0.0, ""
		for name, got := range grads {
			if e := largestError([][]float32{got}, [][]float32{flatten(g.rows("grad." + name))}); !(e <= worst) {
				worst, where = e, name
			}
		}
		t.Logf("%s, %s: loss %g (PyTorch %g); largest gradient error %.1e of the parameter's largest, in %s",
			name, dev.Name(), loss, g.rows("loss")[0][0], worst, where)
		if !(worst <= 1e-4) {
			t.Error("outside the tolerance of 1e-4")
		}
		dev.Close()
	}
}
