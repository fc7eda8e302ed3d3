package prompt

import (
	"context"
	"fmt"
	"os"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/imagenet"
	"clipcalib/weights"
)

// textTowerOfViTB16 has the text tower of ViT-B/16 and next to no image tower.
var textTowerOfViTB16 = weights.Config{
	EmbedDim: 512, Activation: weights.QuickGELU,
	Vision: weights.VisionConfig{ImageSize: 32, Patch: 32, Width: 64, Layers: 1, Heads: 1, MLP: 256},
	Text:   weights.TextConfig{Context: 77, Vocab: 49408, Width: 512, Layers: 12, Heads: 8, MLP: 2048},
}

// manyNames returns k class names, ImageNet's first and then those in pairs.
func manyNames(k int) []string {
	names := imagenet.Names()
	out := make([]string, k)
	for i := range out {
		out[i] = names[i%len(names)]
		if i >= len(names) {
			out[i] += " " + names[(i*7+i/len(names))%len(names)]
		}
	}
	return out
}

// precision is a processor in that of CLIPCALIB_PRECISION, fp32 if it names none.
func precision(b *testing.B) clip.Options {
	d, err := device.Open(device.Options{Kind: "cpu", Precision: os.Getenv("CLIPCALIB_PRECISION")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	return clip.Options{Device: d}
}

// BenchmarkCoOpStep times one training step, text forward and backward, of CoOp
// with 16 contexts and a batch of 32.
func BenchmarkCoOpStep(b *testing.B) {
	m := seededModel(b, textTowerOfViTB16, precision(b))
	for _, k := range []int{100, 300, 1000, 3000} {
		b.Run(fmt.Sprintf("classes=%d", k), func(b *testing.B) { benchmarkStep(b, m, CoOp{}, k, 32) })
	}
}

// BenchmarkStepOfViTB16 times one training step of every method at its own batch
// size, 100 classes, both towers of ViT-B/16's size.
func BenchmarkStepOfViTB16(b *testing.B) {
	c := textTowerOfViTB16
	c.Vision = weights.VisionConfig{ImageSize: 224, Patch: 16, Width: 768, Layers: 12, Heads: 12, MLP: 3072}
	m := seededModel(b, c, precision(b))
	for _, method := range Methods() {
		if src, ok := method.(PromptSRC); ok {
			src.Templates = goldenTemplates
			method = src
		}
		b.Run(method.Name(), func(b *testing.B) { benchmarkStep(b, m, method, 100, method.recipe().batch) })
	}
}

func benchmarkStep(b *testing.B, m *Model, method Method, classes, batch int) {
	d := Data{Classes: manyNames(classes), Features: adapt.NewMatrix(batch, m.Config.EmbedDim),
		Prototypes: adapt.NewMatrix(classes, m.Config.EmbedDim)}
	copy(d.Features.Data, cliptest.Uniform("features", len(d.Features.Data), 1))
	copy(d.Prototypes.Data, cliptest.Uniform("prototypes", len(d.Prototypes.Data), 1))
	for i := range batch {
		d.Labels = append(d.Labels, i*classes/batch)
	}
	pixels := cliptest.Uniform("pixels", 3*m.Config.Vision.ImageSize*m.Config.Vision.ImageSize, 2)
	d.Image = func(_, _ int, dst []float32) error { copy(dst, pixels); return nil }
	started, spent := false, 0.0
	l, err := Train(context.Background(), m, method, adapt.Penalty{}, d, Options{Epochs: b.N + 1, Batch: batch,
		Progress: func(adapt.Progress) { // the first step warms up
			if !started {
				started, spent = true, cpuSeconds()
				b.ResetTimer()
			}
		}})
	b.StopTimer()
	b.ReportMetric((cpuSeconds()-spent)/float64(b.N), "cpu-s/op")
	if err != nil {
		b.Fatal(err)
	}
	nodes, _ := l.Nodes()
	b.ReportMetric(float64(nodes), "nodes")
}
