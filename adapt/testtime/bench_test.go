package testtime

import (
	"context"
	"fmt"
	"os"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/imagenet"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// vitB16 has the sizes of CLIP's ViT-B/16.
var vitB16 = weights.Config{
	EmbedDim: 512,
	Vision:   weights.VisionConfig{ImageSize: 224, Patch: 16, Width: 768, Layers: 12, Heads: 12, MLP: 3072},
	Text: weights.TextConfig{Context: text.ContextLength, Vocab: text.VocabSize, Width: 512, Layers: 12, Heads: 8,
		MLP: 2048},
	Activation: weights.QuickGELU,
}

// openFull opens a ViT-B/16 of random weights in the precision that
// CLIPCALIB_PRECISION names, fp32 if none.
func openFull(b *testing.B) (*vit.Encoder, *text.Encoder) {
	b.Helper()
	ck := cliptest.Open(b, vitB16)
	dev, err := device.Open(device.Options{Precision: os.Getenv("CLIPCALIB_PRECISION")})
	if err != nil {
		b.Fatal(err)
	}
	images, err := vit.NewEncoder(ck, vit.Options{Device: dev})
	if err != nil {
		b.Fatal(err)
	}
	texts, err := text.NewEncoder(ck, text.Options{Device: dev})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		images.Close()
		texts.Close()
		dev.Close()
	})
	return images, texts
}

// manyClasses returns n class names, ImageNet's as often as needed.
func manyClasses(n int) []string {
	names := imagenet.Names()
	out := make([]string, n)
	for i := range out {
		out[i] = names[i%len(names)]
		if round := i / len(names); round > 0 {
			out[i] = fmt.Sprintf("%s %d", out[i], round)
		}
	}
	return out
}

// BenchmarkTune is one image of TPT end to end on ViT-B/16: 64 views from the
// picture, their features, the step, and the prediction.
func BenchmarkTune(b *testing.B) {
	images, texts := openFull(b)
	img := picture(500, 375, 1)
	for _, classes := range []int{10, 100, 300, 1000, 3000} {
		b.Run(fmt.Sprintf("classes=%d", classes), func(b *testing.B) {
			ctx := context.Background()
			t, err := NewTuner(ctx, images, texts, manyClasses(classes), TPT{}, adapt.None{}, Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer t.Close()
			if _, err := t.Tune(ctx, img, "the first touches the memory"); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			spent := cpuSeconds()
			for range b.N {
				if _, err := t.Tune(ctx, img, "picture"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpuSeconds()-spent)/float64(b.N), "cpu-s/op")
		})
	}
}

// BenchmarkText is the part of it that grows with the classes.
func BenchmarkText(b *testing.B) {
	images, texts := openFull(b)
	for _, classes := range []int{10, 100, 300, 1000, 3000} {
		b.Run(fmt.Sprintf("classes=%d", classes), func(b *testing.B) {
			ctx := context.Background()
			t, err := NewTuner(ctx, images, texts, manyClasses(classes), TPT{}, adapt.None{}, Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer t.Close()
			f := make([][]float32, 64)
			for v := range f {
				f[v] = narrow(hashed(uint64(v), texts.Dim()))
			}
			b.ResetTimer()
			for range b.N {
				if _, err := t.TuneFeatures(ctx, f, "picture"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(t.tower.at.Forward.Bytes())/1e6, "kept-MB")
		})
	}
}
