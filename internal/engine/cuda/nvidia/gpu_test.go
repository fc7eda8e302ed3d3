//go:build gpu

package nvidia_test

import (
	"os"
	"testing"

	"clipcalib/internal/bench"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/cuda/nvidia"
	"clipcalib/internal/engine/enginetest"
	"clipcalib/internal/engine/enginetest/models"
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

// TestGPUKernelsAgreeWithReference runs the suite of engines in every precision.
func TestGPUKernelsAgreeWithReference(t *testing.T) {
	for _, p := range []cuda.Precision{cuda.FP32, cuda.TF32, cuda.BF16, cuda.FP16} {
		t.Run(p.String(), func(t *testing.T) {
			e := open(t, p)
			t.Log(e.Name())
			enginetest.Run(t, func(*testing.T) engine.Engine { return e }, enginetest.Options{Slow: smoke()})
		})
	}
}

// smoke says that the tests are to try themselves, on a slow stand-in for a GPU.
func smoke() bool { return os.Getenv("CLIPCALIB_GPU_SMOKE") != "" }

func sizes() []string {
	if smoke() {
		return []string{"tiny"}
	}
	return []string{"ViT-B/32", "ViT-B/16", "ViT-L/14"}
}

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
	base, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes() {
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
	ck := random(t, sizes()[0])
	worst, where := models.WorstGradient(models.Gradients(t, e, ck), models.Gradients(t, base, ck))
	t.Logf("%s: gradients of all parameters differ by at most %.1e of the largest, in %s", sizes()[0], worst, where)
	if !(worst <= 1e-4) {
		t.Error("beyond 1e-4")
	}
}

// TestGPUResNetModelsAgreeWithProcessor compares the features of a modified ResNet in
// every precision with the processor's in float32, and shows the figures.
func TestGPUResNetModelsAgreeWithProcessor(t *testing.T) {
	base, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ck *weights.Checkpoint
	if smoke() {
		ck = cliptest.Open(t, cliptest.TinyResNet())
	} else {
		ck = random(t, "RN50")
	}
	want := models.Encode(t, base, ck, 3)
	for p, most := range []float64{cuda.FP32: 1e-6, cuda.TF32: 1e-4, cuda.BF16: 2e-3, cuda.FP16: 1e-4} {
		e := open(t, cuda.Precision(p))
		i := models.Worst(models.Encode(t, e, ck, 3).Images, want.Images)
		t.Logf("RN50 %v: 1 - cosine: images %.1e", cuda.Precision(p), i)
		if !(i <= most) {
			t.Errorf("%v: beyond %g", cuda.Precision(p), most)
		}
		for _, s := range e.FastPath().Slow() {
			t.Errorf("%v: %s", cuda.Precision(p), s)
		}
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

// TestGPUEnginesLiveApart multiplies on an engine after another has closed.
func TestGPUEnginesLiveApart(t *testing.T) {
	e, other := open(t, cuda.FP32), open(t, cuda.FP32)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	enginetest.RunPart(t, "Gemm", func(*testing.T) engine.Engine { return e }, enginetest.Options{Slow: smoke()})
}
