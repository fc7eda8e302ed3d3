//go:build linux

package cuda_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/enginetest/models"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/texttower"
	"clipcalib/internal/tower"
	"clipcalib/text"

	"gorgonia.org/tensor"
)

// clusters is a small task that linear probes can learn.
func clusters(n, dim, classes int) adapt.Data {
	r := rand.New(rand.NewPCG(5, 6))
	d := adapt.Data{Features: adapt.NewMatrix(n, dim), Prototypes: adapt.NewMatrix(classes, dim), Labels: make([]int,
		n), LogitScale: adapt.DefaultLogitScale}
	for i := range d.Prototypes.Data {
		d.Prototypes.Data[i] = float32(r.NormFloat64())
	}
	for i := range n {
		d.Labels[i] = i % classes
		for j := range dim {
			d.Features.Data[i*dim+j] = d.Prototypes.Data[i%classes*dim+j] + 2*float32(r.NormFloat64())
		}
	}
	return d
}

func train(t *testing.T, ctx context.Context, e engine.Engine, m adapt.Method, o adapt.Options) ([]float64, error) {
	t.Helper()
	o.Device, o.Batch, o.Epochs = device.Share(e), 4, 3
	a, err := adapt.Train(ctx, m, adapt.Penalty{}, clusters(160, 16, 5), o) // 40 steps an epoch
	if a == nil {
		return nil, err
	}
	return a.Losses, err
}

// TestTrainingSeldomWaits trains on the fake device: the losses are the
// processor's, and the host waits a few times an epoch, not every step.
func TestTrainingSeldomWaits(t *testing.T) {
	e := cuda.OpenFake(t, cuda.Options{})
	var waits []int // at the ends of the epochs
	got, err := train(t, t.Context(), e, adapt.TaskRes{},
		adapt.Options{Progress: func(adapt.Progress) { waits = append(waits, cuda.Waits(e)) }})
	if err != nil {
		t.Fatal(err)
	}
	want, err := train(t, t.Context(), openCPU(t), adapt.TaskRes{}, adapt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= 1e-4*want[i]) {
			t.Errorf("epoch %d: loss %v, want %v", i, got[i], want[i])
		}
	}
	// The first loss, the parameters, 32 losses, the last 7: with each comes the
	// word in which kernels report faults.
	if n := waits[2] - waits[0]; n > 2*4*2 {
		t.Errorf("the host waited %d times in two epochs of 40 steps", n)
	}
}

// TestDivergenceIsFoundAmongPendingLosses lets a training diverge in the midst
// of steps whose losses nobody has looked at yet.
func TestDivergenceIsFoundAmongPendingLosses(t *testing.T) {
	find := func(e engine.Engine) *adapt.Diverged {
		_, err := train(t, t.Context(), e, adapt.CLIPAdapter{}, adapt.Options{LR: 1e30})
		var d *adapt.Diverged
		if !errors.As(err, &d) {
			t.Fatalf("error %v, want *adapt.Diverged", err)
		}
		return d
	}
	got, want := find(cuda.OpenFake(t, cuda.Options{})), find(openCPU(t))
	if got.Epoch != want.Epoch || got.Step != want.Step || got.Good != want.Good {
		t.Errorf("diverged at %+v, on the processor at %+v", got, want)
	}
}

// TestInterruptedTrainingContinuesToTheSameLosses stops with losses pending.
func TestInterruptedTrainingContinuesToTheSameLosses(t *testing.T) {
	whole, err := train(t, t.Context(), cuda.OpenFake(t, cuda.Options{}), adapt.TaskRes{}, adapt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	e := cuda.OpenFake(t, cuda.Options{})
	ctx, stop := context.WithCancel(t.Context())
	cuda.AfterLaunches(e, 600, stop)
	if _, err := train(t, ctx, e, adapt.TaskRes{}, adapt.Options{Checkpoint: checkpoint}); !errors.Is(err,
		context.Canceled) {
		t.Fatalf("error %v, want that it was stopped", err)
	}
	got, err := train(t, t.Context(), cuda.OpenFake(t, cuda.Options{}), adapt.TaskRes{},
		adapt.Options{Checkpoint: checkpoint})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, whole) {
		t.Errorf("losses %v, without the stop %v", got, whole)
	}
}

// TestGradientsSurviveHalfPrecision differentiates through the text tower a
// loss so small that IEEE half would lose its gradient.
func TestGradientsSurviveHalfPrecision(t *testing.T) {
	ck := openTiny(t)
	const scale = 1e-7
	gradient := func(e engine.Engine, a float32) []float32 {
		w, err := text.NewEncoder(ck, text.Options{Device: device.Share(e)})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		trie, err := text.NewTrie([][]int32{{1, text.ContextToken(0), text.ContextToken(1), 2, 3},
			{1, text.ContextToken(0), text.ContextToken(1), 4, 3}})
		if err != nil {
			t.Fatal(err)
		}
		g := graph.New(e)
		defer g.Close()
		x := g.Input("contexts", tensor.Float32, 2, ck.Config.Text.Width)
		values := make([]float32, 2*ck.Config.Text.Width)
		for i := range values {
			values[i] = float32(i%5) / 10
		}
		if err := g.Set(x, values); err != nil {
			t.Fatal(err)
		}
		y := texttower.WithContexts(g, tower.Of(g, w), ck.Config, clip.Nodes(trie), texttower.Contexts{First: x})
		d := g.Gradients(ops.Dot(g, a, y, y), x)[0]
		p, err := g.Compile(d)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		out, err := p.Float32(d)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := gradient(openCPU(t), scale)
	for _, p := range []cuda.Precision{cuda.FP16, cuda.BF16} {
		got := gradient(cuda.OpenFake(t, cuda.Options{Precision: p}), scale)
		var diff, size float64
		for i := range want {
			d, w := float64(got[i]-want[i]), float64(want[i])
			diff, size = diff+d*d, size+w*w
		}
		e := math.Sqrt(diff / size)
		t.Logf("%v: relative error %.2g", p, e)
		if !(e < map[cuda.Precision]float64{cuda.FP16: 5e-3, cuda.BF16: 5e-2}[p]) {
			t.Errorf("%v: a gradient of about %.1g has the relative error %g", p, math.Sqrt(size), e)
		}
	}
}

// TestResidualGradientsAreSummedInTheLayerNorm counts the passes of a CoOp step's
// gradient: sums of a residual's and a layer norm's gradient take none.
func TestResidualGradientsAreSummedInTheLayerNorm(t *testing.T) {
	ck, e := openTiny(t), cuda.OpenFake(t, cuda.Options{})
	before := cuda.KernelsRun(e)
	models.Gradients(t, e, ck)
	ran := cuda.KernelsRun(e)
	fused, sums := ran["layernorm_grad"]-before["layernorm_grad"], ran["sum_terms"]-before["sum_terms"]
	layers := ck.Config.Vision.Layers + ck.Config.Text.Layers
	// Two runs; each block has two layer norms on a residual, and each norm's
	// gain and bias a pass of their own. What is left to sum is beside the blocks.
	if fused < 2*2*2*layers || sums >= 2*layers {
		t.Errorf("%d layer norm gradients and %d sums in two runs of %d layers", fused, sums, layers)
	}
}
