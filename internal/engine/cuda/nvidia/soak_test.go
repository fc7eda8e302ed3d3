//go:build gpu

package nvidia_test

import (
	"context"
	"errors"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/bench"
	"clipcalib/internal/clip"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/imagenet"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// ledger compares the memory of an engine at two times, by the engine's books
// and the driver's.
type ledger struct {
	*testing.T
	e                *cuda.Engine
	held, used, free int64
}

func (l *ledger) read() (held, used, free int64) {
	l.Helper()
	if err := l.e.Sync(); err != nil {
		l.Fatal(err)
	}
	free, _, err := l.e.Driver().Memory()
	if err != nil {
		l.Fatal(err)
	}
	held, used = l.e.Held()
	return held, used, free
}

func (l *ledger) open() { l.held, l.used, l.free = l.read() }

// balance wants all to be as it was. The driver's books may differ by its own
// granularity of 2 MiB.
func (l *ledger) balance(when string) {
	l.Helper()
	held, used, free := l.read()
	l.Logf("%s: %d bytes held, %d in use, %d free (at first %d, %d, %d)", when, held, used, free, l.held, l.used,
		l.free)
	if held != l.held || used != l.used || l.free-free > 2<<20 {
		l.Errorf("%s: the memory is not what it was", when)
	}
}

// soakSteps are 10,000, fewer on a slow stand-in for a GPU.
func soakSteps() int {
	if smoke() {
		return 130
	}
	return 10_000
}

// TestGPUSoakTaskRes trains on a bank of ImageNet's size.
func TestGPUSoakTaskRes(t *testing.T) {
	l := &ledger{T: t, e: open(t, cuda.FP32)}
	data, batch := bench.Bank(), 256
	if smoke() {
		data = small(data, 64)
		batch = 8
	}
	perEpoch := data.Features.Rows / batch
	epochs := (soakSteps() + perEpoch - 1) / perEpoch
	begin := (100 + perEpoch - 1) / perEpoch
	progress := func(p adapt.Progress) {
		switch p.Epoch {
		case begin:
			l.open()
		case epochs:
			l.balance("TaskRes, after the last step")
		}
	}
	if _, err := adapt.Train(t.Context(), adapt.TaskRes{}, adapt.None{}, data,
		adapt.Options{Epochs: epochs, Batch: batch, LogitScale: adapt.DefaultLogitScale, Device: device.Share(l.e),
			Progress: progress}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d steps in %d epochs", epochs*perEpoch, epochs)
}

// small is the first n rows of d, with their classes.
func small(d adapt.Data, n int) adapt.Data {
	d.Features = adapt.Matrix{Rows: n, Cols: d.Features.Cols, Data: d.Features.Data[:n*d.Features.Cols]}
	d.Prototypes = adapt.Matrix{Rows: n, Cols: d.Prototypes.Cols, Data: d.Prototypes.Data[:n*d.Prototypes.Cols]}
	d.Labels = d.Labels[:n]
	return d
}

// TestGPUSoakCoOp learns a prompt through the text tower of ViT-B/16, and wants
// all its memory back in the end.
func TestGPUSoakCoOp(t *testing.T) {
	size, classes, precision := "ViT-B/16", 100, cuda.BF16
	if smoke() {
		size, classes = "tiny", 3
	}
	l := &ledger{T: t, e: open(t, precision)}
	ck := random(t, size)
	fillStaging(t, l.e)
	before := &ledger{T: t, e: l.e}
	before.open()
	model := towers(t, l.e, ck)
	all := bench.Bank()
	dim := ck.Config.EmbedDim
	data := prompt.Data{Classes: imagenet.Names()[:classes], Features: matrix(16*classes, dim, all.Features.Data),
		Prototypes: matrix(classes, dim, all.Prototypes.Data)}
	for i := range data.Features.Rows {
		data.Labels = append(data.Labels, i%classes)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	step, last := 0, soakSteps()
	_, err := prompt.Train(ctx, model, prompt.CoOp{}, adapt.None{}, data,
		prompt.Options{Epochs: 2 * last, Progress: func(adapt.Progress) {
			switch step++; step {
			case 100:
				l.open()
			case last:
				l.balance("CoOp, after the last step")
				stop()
			}
		}})
	if !errors.Is(err, context.Canceled) || step != last {
		t.Fatalf("after %d steps: %v", step, err)
	}
	model.Texts.Close()
	model.Images.Close()
	if _, used := l.e.Held(); used != before.used {
		t.Errorf("%d bytes are still in use, %d were before", used, before.used)
	}
}

// fillStaging makes the memory that uploads keep for themselves grow to its end.
func fillStaging(t *testing.T, e *cuda.Engine) {
	t.Helper()
	large := make([]float32, 40<<20)
	x, err := e.New(tensor.Float32, len(large))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Upload(x, large); err != nil {
		t.Fatal(err)
	}
	e.Release(x)
}

// towers returns both towers of ck on e.
func towers(t *testing.T, e *cuda.Engine, ck *weights.Checkpoint) *clip.Model {
	t.Helper()
	m, err := clip.New(ck, clip.Options{Device: device.Share(e), Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func matrix(rows, columns int, data []float32) adapt.Matrix {
	return adapt.Matrix{Rows: rows, Cols: columns, Data: data[:rows*columns]}
}
