//go:build gpu

package nvidia_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"clipcalib/internal/bench"
	"clipcalib/internal/engine/cpu"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/cuda/cudatest"
	"clipcalib/internal/engine/cuda/cudatest/models"
	"clipcalib/internal/engine/cuda/nvidia"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// open returns an engine on the GPU. Where there is none the test is skipped,
// unless CLIPCALIB_GPU=required.
func open(t testing.TB, p cuda.Precision) *cuda.Engine {
	t.Helper()
	d, err := nvidia.Open()
	if err != nil {
		if os.Getenv("CLIPCALIB_GPU") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	e, err := cuda.New(d, cuda.Options{Precision: p})
	if err != nil {
		d.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestGPUKernelsAgreeWithReference(t *testing.T) {
	e := open(t, cuda.FP32)
	t.Log(e.Name())
	for name, check := range map[string]func(*cudatest.Bench){
		"Gemm": (*cudatest.Bench).Gemm, "Elementwise": (*cudatest.Bench).Elementwise, "Norms": (*cudatest.Bench).Norms,
		"Attention": (*cudatest.Bench).Attention, "LongAttention": (*cudatest.Bench).LongAttention,
		"TreeAttention": (*cudatest.Bench).TreeAttention, "Rows": (*cudatest.Bench).Rows,
		"Losses": (*cudatest.Bench).Losses, "Optimizers": (*cudatest.Bench).Optimizers,
		"Misfits": (*cudatest.Bench).Misfits, "Faults": (*cudatest.Bench).Faults,
	} {
		t.Run(name, func(t *testing.T) { check(cudatest.New(t, e)) })
	}
}

// TestGPUTensorKernelsAgreeWithReference checks what the precisions other than
// fp32 do in their own way.
func TestGPUTensorKernelsAgreeWithReference(t *testing.T) {
	for _, p := range []cuda.Precision{cuda.BF16, cuda.FP16} {
		for name, check := range cudatest.NarrowChecks {
			t.Run(p.String()+" "+name, func(t *testing.T) { check(cudatest.New(t, open(t, p))) })
		}
	}
	t.Run("tf32 Attention", func(t *testing.T) { cudatest.New(t, open(t, cuda.TF32)).TF32Attention() })
}

var sizes = []string{"ViT-B/32", "ViT-B/16", "ViT-L/14"}

func random(t testing.TB, size string) *weights.Checkpoint {
	t.Helper()
	c, err := bench.Config(size)
	if err != nil {
		t.Fatal(err)
	}
	ck, err := bench.Random(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ck.Close() })
	return ck
}

// TestGPUModelsAgreeWithProcessor compares features at the published sizes in
// every precision with the processor's in float32, and shows the figures.
func TestGPUModelsAgreeWithProcessor(t *testing.T) {
	e := open(t, cuda.FP32)
	base, err := cpu.New(cpu.Options{PureGo: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		ck := random(t, size)
		want := models.Encode(t, base, ck, 3)
		for p, most := range []float64{cuda.FP32: 1e-6, cuda.TF32: 1e-4, cuda.BF16: 2e-3, cuda.FP16: 1e-4} {
			on := e
			if cuda.Precision(p) != cuda.FP32 {
				on = open(t, cuda.Precision(p))
			}
			got := models.Encode(t, on, ck, 3)
			i, x := models.Worst(got.Images, want.Images), models.Worst(got.Texts, want.Texts)
			t.Logf("%s %v: 1 - cosine: images %.1e, texts %.1e", size, cuda.Precision(p), i, x)
			if !(i <= most && x <= most) {
				t.Errorf("%s %v: beyond %g", size, cuda.Precision(p), most)
			}
		}
	}
	ck := random(t, "ViT-B/32")
	worst, where := models.WorstGradient(models.Gradients(t, e, ck), models.Gradients(t, base, ck))
	t.Logf("ViT-B/32: gradients of all parameters differ by at most %.1e of the largest, in %s", worst, where)
	if !(worst <= 1e-4) {
		t.Error("beyond 1e-4")
	}
}

// TestGPUMemorySoak runs 10,000 steps and wants the memory held, by the
// engine's books and the driver's, to stay as it was after the first hundred.
func TestGPUMemorySoak(t *testing.T) {
	e := open(t, cuda.FP32)
	free := func() int64 {
		f, _, err := e.Driver().Memory()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	var held, left int64
	data := make([]float32, 512*64)
	for step := range 10_000 {
		x, err := e.New(tensor.Float32, 512, 64)
		if err != nil {
			t.Fatal(step, err)
		}
		y, err := e.New(tensor.Float32, 64)
		if err != nil {
			t.Fatal(step, err)
		}
		for _, err := range []error{e.Upload(x, data), e.LayerNormGrad(x, y, y, x, y, x, 1e-5), e.ColSum(y, x)} {
			if err != nil {
				t.Fatal(step, err)
			}
		}
		e.Release(x)
		e.Release(y)
		if step == 100 {
			if err := e.Sync(); err != nil {
				t.Fatal(err)
			}
			held, _ = e.Held()
			left = free()
		}
	}
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	if h, _ := e.Held(); h != held || left-free() > 8<<20 {
		t.Errorf("after 10,000 steps the engine holds %d bytes (%d after 100), and %d fewer are free", h, held, left-free())
	}
}

// TestGPURecordingRuns replays a CUDA graph.
func TestGPURecordingRuns(t *testing.T) {
	e := open(t, cuda.FP32)
	x, err := e.New(tensor.Float32, 5000)
	if err != nil {
		t.Fatal(err)
	}
	y, err := e.New(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	step := func() error {
		if err := e.Axpby(x, 1, x, 1, x); err != nil {
			return err
		}
		return e.Dot(y, 1, x, x)
	}
	if err := e.Fill(x, 1); err != nil {
		t.Fatal(err)
	}
	if err := step(); err != nil {
		t.Fatal(err)
	}
	r, err := e.Record(step)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := r.Run(); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]float32, 1)
	if err := e.Download(got, y); err != nil || got[0] != 5000*16*16 {
		t.Error(got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// figure is one line of the benchmark, in the form gpu_check_torch.py writes.
type figure struct {
	What      string  `json:"what"`
	Model     string  `json:"model"`
	Precision string  `json:"precision"`
	Batch     int     `json:"batch"`
	Rate      float64 `json:"rate"`
	Unit      string  `json:"unit"`
	By        string  `json:"by"`
}

// TestGPUSpeed measures encoding and a CoOp step, and appends the figures to
// the file CLIPCALIB_GPU_FIGURES names.
func TestGPUSpeed(t *testing.T) {
	path := os.Getenv("CLIPCALIB_GPU_FIGURES")
	if path == "" {
		t.Skip("measures where CLIPCALIB_GPU_FIGURES names a file")
	}
	open(t, cuda.FP32) // or skip
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	note := func(v figure) {
		v.By = "clipcalib"
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "%s\n", line)
		t.Logf("%s", line)
	}
	for _, size := range sizes {
		ck := random(t, size)
		for p := cuda.FP32; p <= cuda.FP16; p++ {
			e := open(t, p)
			for _, batch := range []int{32, 256} {
				s := models.Images(t, e, ck, batch, 2*time.Second)
				note(figure{What: "encode", Model: size, Precision: p.String(), Batch: batch, Rate: float64(batch) / s, Unit: "images/s"})
			}
			if size == "ViT-B/16" {
				s, nodes := models.CoOp(t, e, ck, 2*time.Second)
				t.Logf("CoOp: %d nodes", nodes)
				note(figure{What: "coop step", Model: size, Precision: p.String(), Batch: 1000, Rate: 1 / s, Unit: "steps/s"})
			}
		}
	}
}
