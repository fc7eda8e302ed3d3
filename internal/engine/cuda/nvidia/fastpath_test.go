//go:build gpu

package nvidia_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/bench"
	"clipcalib/internal/clip"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/cuda/nvidia"
	"clipcalib/internal/engine/enginetest/models"
	"clipcalib/internal/imagenet"
	"clipcalib/weights"
)

// fastSize is the model whose fast path is looked at.
func fastSize() string {
	if smoke() {
		return "tiny"
	}
	return "ViT-B/16"
}

// TestGPUFastPath wants encoding, CoOp, TPT and MaPLe to be recorded, biases to be added
// in the products, and the machine code to be what the driver took.
func TestGPUFastPath(t *testing.T) {
	precisions := []cuda.Precision{cuda.BF16, cuda.FP16, cuda.TF32, cuda.FP32}
	if smoke() {
		precisions = []cuda.Precision{cuda.BF16}
	}
	for _, p := range precisions {
		for name, work := range map[string]func(*testing.T, *clip.Model){"encode": encodeOften, "CoOp": coOpOften,
			"TPT": tptOften, "MaPLe": maPLeOften} {
			t.Run(p.String()+" "+name, func(t *testing.T) {
				e := open(t, p)
				model := towers(t, e, random(t, fastSize()))
				defer model.Texts.Close()
				defer model.Images.Close()
				before := e.FastPath().Recorded
				work(t, model)
				f := e.FastPath()
				t.Logf("%s, %s, %d programs recorded, %d shapes of products", f.Code, f.Library, f.Recorded-before,
					len(f.Products))
				if f.Recorded == before {
					t.Error("nothing was recorded")
				}
				for _, s := range f.Slow() {
					t.Error(s)
				}
			})
		}
	}
}

// TestGPUFastPathOfMLPsByParts wants a model whose MLPs are computed by parts to be
// recorded, its biases to be added in the products, and its features to be those of
// whole ones, but for what other algorithms round.
func TestGPUFastPathOfMLPsByParts(t *testing.T) {
	ck := random(t, fastSize())
	v := ck.Config.Vision
	r := rand.New(rand.NewPCG(1, 2))
	picture := make([]float32, 3*v.ImageSize*v.ImageSize)
	for i := range picture {
		picture[i] = float32(r.NormFloat64())
	}
	encode := func(e *cuda.Engine) (out [][]float32) {
		m := towers(t, e, ck)
		defer m.Texts.Close()
		defer m.Images.Close()
		for range 6 {
			var err error
			if out, err = m.Images.Encode(t.Context(), [][]float32{picture}); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	whole := open(t, cuda.BF16)
	want := encode(whole)
	path := filepath.Join(t.TempDir(), "algorithms.txt")
	line := fmt.Sprintf("%d bf16 mlp %dx%d 3\n", whole.Driver().Info().Capability, v.Width, v.MLP)
	if err := os.WriteFile(path, []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(cuda.AlgorithmsFile, path)
	parts := open(t, cuda.BF16)
	got := encode(parts)
	f := parts.FastPath()
	if len(f.PartwiseMLPs) != 1 || f.Recorded == 0 || len(f.Slow()) > 0 {
		t.Errorf("by parts: %q, %d programs recorded, slow: %q", f.PartwiseMLPs, f.Recorded, f.Slow())
	}
	if d := models.Worst(got, want); !(d <= 1e-5) {
		t.Errorf("1 - cosine to the features of whole MLPs: %g", d)
	}
}

func encodeOften(t *testing.T, m *clip.Model) {
	c := m.Config.Vision.ImageSize
	pictures := [][]float32{make([]float32, 3*c*c)}
	for range 6 {
		if _, err := m.Images.Encode(t.Context(), pictures); err != nil {
			t.Fatal(err)
		}
	}
}

func coOpOften(t *testing.T, m *clip.Model) {
	const classes = 10
	all, dim := bench.Bank(), m.Config.EmbedDim
	data := prompt.Data{Classes: imagenet.Names()[:classes], Features: matrix(16*classes, dim, all.Features.Data),
		Prototypes: matrix(classes, dim, all.Prototypes.Data)}
	for i := range data.Features.Rows {
		data.Labels = append(data.Labels, i%classes)
	}
	trainOften(t, m, prompt.CoOp{}, data)
}

// maPLeOften learns prompts in both towers.
func maPLeOften(t *testing.T, m *clip.Model) {
	data := prompt.Data{Classes: imagenet.Names()[:3], Labels: []int{0, 1, 2},
		Image: func(sample, _ int, dst []float32) error {
			for i := range dst {
				dst[i] = float32((sample+1)*i%7) - 3
			}
			return nil
		}}
	trainOften(t, m, prompt.MaPLe{Depth: 2}, data)
}

// trainOften takes steps enough for a program to be recorded.
func trainOften(t *testing.T, m *clip.Model, method prompt.Method, data prompt.Data) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	step := 0
	count := func(adapt.Progress) {
		if step++; step == 8 {
			stop()
		}
	}
	_, err := prompt.Train(ctx, m, method, adapt.None{}, data, prompt.Options{Epochs: 100, Progress: count})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func tptOften(t *testing.T, m *clip.Model) {
	const views = 4
	tuner, err := testtime.NewTuner(t.Context(), m.Images, m.Texts, imagenet.Names()[:5], testtime.TPT{}, adapt.None{},
		testtime.Options{Views: views})
	if err != nil {
		t.Fatal(err)
	}
	defer tuner.Close()
	size := m.Images.Preprocessor().Len()
	v := make([][]float32, views)
	for i := range v {
		v[i] = make([]float32, size)
		for j := range v[i] {
			v[i][j] = float32((i+1)*j%7) - 3
		}
	}
	for _, err := range tuner.TuneEach(t.Context(), func(yield func(testtime.Viewed, error) bool) {
		for i := range 8 {
			if !yield(testtime.Viewed{Key: fmt.Sprint(i), Views: v}, nil) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// encodeBatch encodes a batch of pictures once.
func encodeBatch(t *testing.T, e *cuda.Engine, ck *weights.Checkpoint, batch int) {
	t.Helper()
	m, err := clip.New(ck, clip.Options{Device: device.Share(e), Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Texts.Close()
	defer m.Images.Close()
	c := ck.Config.Vision.ImageSize
	pictures := make([][]float32, batch)
	for i := range pictures {
		pictures[i] = make([]float32, 3*c*c)
	}
	if _, err := m.Images.Encode(t.Context(), pictures); err != nil {
		t.Fatal(err)
	}
}

// TestGPUTune times the algorithms of cublasLt for the products of the published
// models, and their MLPs by parts of their rows, and writes lines for algorithms.txt to the file CLIPCALIB_GPU_TUNE.
func TestGPUTune(t *testing.T) {
	path := os.Getenv("CLIPCALIB_GPU_TUNE")
	if path == "" {
		t.Skip("writes a table of algorithms where CLIPCALIB_GPU_TUNE names a file")
	}
	batches, runs, parts := []int{32, 64, 256}, 50, []int{1024, 2048, 3072, 4096, 6144, 8192, 12288}
	if smoke() {
		batches, runs, parts = []int{1}, 1, []int{2}
	}
	var lines []string
	for _, p := range []cuda.Precision{cuda.BF16, cuda.FP16, cuda.TF32} {
		for _, size := range sizes() {
			d, err := nvidia.Open()
			if err != nil {
				t.Fatal(err)
			}
			e, err := cuda.New(d, cuda.Options{Precision: p})
			if err != nil {
				t.Fatal(err)
			}
			ck := random(t, size)
			for _, batch := range batches {
				encodeBatch(t, e, ck, batch)
			}
			if size != "ViT-B/32" { // whose MLPs are ViT-B/16's, over fewer rows
				lines = append(lines, tuneMLP(t, e, ck, batches[len(batches)-1], runs, parts)...)
			}
			tuned, err := d.(interface{ Tune(int) ([]string, error) }).Tune(runs)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, tuned...)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(cuda.AlgorithmsFile, path)
	table, err := cuda.LoadAlgorithms()
	if err != nil {
		t.Fatal(err)
	}
	e := open(t, cuda.BF16)
	encodeBatch(t, e, random(t, sizes()[0]), batches[0])
	tuned := 0
	for _, p := range e.FastPath().Products {
		if table[p.Shape] != "" && !p.Tuned {
			t.Errorf("%s is computed by %s, not by the table", p.Shape, p.Algorithm)
		}
		if p.Tuned {
			tuned++
		}
	}
	if tuned == 0 {
		t.Error("no product is computed by the table")
	}
}

// tuneMLP times the MLPs of a batch of pictures by parts, and returns the line for
// the table, if there is one.
func tuneMLP(t *testing.T, e *cuda.Engine, ck *weights.Checkpoint, batch, runs int, parts []int) []string {
	t.Helper()
	v := ck.Config.Vision
	line, times, err := e.TuneMLP(batch*(v.Grid()*v.Grid()+1), v.Width, v.MLP, runs, parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range times {
		t.Logf("%s, MLP %dx%d of %d rows, %d at a time: %.4g ms", e.Name(), v.Width, v.MLP, times[0].Rows, x.Rows,
			1e3*x.Seconds)
	}
	if line == "" {
		return nil
	}
	return []string{line}
}
