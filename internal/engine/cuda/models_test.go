//go:build linux

package cuda_test

import (
	"regexp"
	"slices"
	"strconv"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/internal/engine/cpu"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/enginetest/models"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagetower"
	"clipcalib/internal/tower"
	"clipcalib/vit"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

func openTiny(t *testing.T) *weights.Checkpoint {
	ck, err := weights.OpenCLIP("../../../weights/testdata/clip.safetensors",
		weights.Options{Activation: weights.QuickGELU})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ck.Close() })
	return ck
}

// TestModelAgreesWithProcessor runs a small CLIP through Gorgonia on memory
// that Go cannot touch.
func TestModelAgreesWithProcessor(t *testing.T) {
	ck := openTiny(t)
	e, base := cuda.OpenFake(t, cuda.Options{}), openCPU(t)
	got, want := models.Encode(t, e, ck, 3), models.Encode(t, base, ck, 3)
	if i, x := models.Worst(got.Images, want.Images), models.Worst(got.Texts, want.Texts); !(i < 1e-6 && x < 1e-6) {
		t.Errorf("1 - cosine: images %g, texts %g", i, x)
	}
	if worst, where := models.WorstGradient(models.Gradients(t, e, ck), models.Gradients(t, base,
		ck)); !(worst < 1e-4) {
		t.Errorf("gradients differ by %g of the largest, in %s", worst, where)
	}
}

// TestBatchThatFitsIsNamed encodes with too little memory, then with the batch
// that the error names.
func TestBatchThatFitsIsNamed(t *testing.T) {
	ck := openTiny(t)
	e := cuda.OpenFake(t, cuda.Options{Memory: 600 << 10})
	s := ck.Config.Vision.ImageSize
	pictures := make([][]float32, 512)
	for i := range pictures {
		pictures[i] = make([]float32, 3*s*s)
	}
	encode := func(batch int) error {
		v, err := vit.NewEncoder(ck, vit.Options{Device: device.Share(e), Batch: batch})
		if err != nil {
			return err
		}
		defer v.Close()
		_, err = v.Encode(t.Context(), pictures[:batch])
		return err
	}
	batch := 512
	for err := encode(batch); err != nil; err = encode(batch) {
		named := regexp.MustCompile(`(\d+) images at a time would fit`).FindStringSubmatch(err.Error())
		if named == nil {
			batch /= 2 // the pictures alone do not fit
			continue
		}
		batch, _ = strconv.Atoi(named[1])
		if err := encode(batch); err != nil {
			t.Errorf("the batch that was named does not fit: %v", err)
		}
		return
	}
	t.Errorf("no batch was named down to %d", batch)
}

// TestProductsOf16BitsStayClose holds the 16-bit precisions to their rounding.
func TestProductsOf16BitsStayClose(t *testing.T) {
	ck := openTiny(t)
	want := models.Encode(t, openCPU(t), ck, 2)
	for p, most := range map[cuda.Precision]float64{cuda.BF16: 2e-3, cuda.FP16: 5e-5} {
		got := models.Encode(t, cuda.OpenFake(t, cuda.Options{Precision: p}), ck, 2)
		i, x := models.Worst(got.Images, want.Images), models.Worst(got.Texts, want.Texts)
		if !(i < most && x < most) || i < 1e-12 {
			t.Errorf("%v: 1 - cosine: images %g, texts %g", p, i, x)
		}
	}
}

// TestResNetAgreesWithProcessor runs a small modified ResNet in every precision.
func TestResNetAgreesWithProcessor(t *testing.T) {
	ck, err := weights.OpenCLIP("../../clip/testdata/tiny_resnet.pt", weights.Options{TextHeads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	want := models.Encode(t, openCPU(t), ck, 3)
	for p, most := range map[cuda.Precision]float64{cuda.FP32: 1e-10, cuda.TF32: 1e-4, cuda.BF16: 2e-3,
		cuda.FP16: 5e-5} {
		got := models.Encode(t, cuda.OpenFake(t, cuda.Options{Precision: p}), ck, 3)
		if i := models.Worst(got.Images, want.Images); !(i < most) {
			t.Errorf("%v: 1 - cosine: %g", p, i)
		}
	}
}

func openCPU(t *testing.T) *cpu.Engine {
	e, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestProgramIsReplayed runs a program often enough to be recorded: its results
// follow the inputs, and no kernel is launched on its own any more.
func TestProgramIsReplayed(t *testing.T) {
	for _, precision := range []cuda.Precision{cuda.FP32, cuda.BF16} {
		ck := openTiny(t)
		e := cuda.OpenFake(t, cuda.Options{Precision: precision})
		g := graph.New(e)
		defer g.Close()
		w, err := tower.Load(e, ck.View(), ck.Config.Parameters())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		s := ck.Config.Vision.ImageSize
		x := g.Input("images", tensor.Float32, 2, 3, s, s)
		y := imagetower.Tower(g, w.Bind(g), ck.Config, x, false)
		p, err := g.Compile(y)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		image := make([]float32, 2*3*s*s)
		first := map[float32][]float32{}
		for run := range 8 {
			value := float32(run % 2)
			for i := range image {
				image[i] = value * float32(i%7)
			}
			if err := g.Set(x, image); err != nil {
				t.Fatal(err)
			}
			before := cuda.Launches(e)
			if err := p.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if alone := cuda.Launches(e) - before; p.Recorded() && run > 3 && alone != 0 {
				t.Errorf("%v: run %d launches %d kernels one by one", precision, run, alone)
			}
			got, err := p.Float32(y)
			if err != nil {
				t.Fatal(err)
			}
			if want, ok := first[value]; ok && !slices.Equal(got, want) {
				t.Errorf("%v: run %d differs from the first with its images", precision, run)
			}
			first[value] = got
		}
		if !p.Recorded() {
			t.Errorf("%v: the program was not recorded", precision)
		}
		if slices.Equal(first[0], first[1]) {
			t.Error("the images make no difference")
		}
	}
}
