package prompt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
)

func inf() float64 { return math.Inf(1) }

// twoViews repeats the golden data's features and pixels as a second,
// different view.
func twoViews(d Data) Data {
	f := adapt.NewMatrix(2*d.Features.Rows, d.Features.Cols)
	copy(f.Data, d.Features.Data)
	for i, v := range d.Features.Data {
		f.Data[len(d.Features.Data)+i] = v * float32(1+0.1*math.Sin(float64(i)))
	}
	one := d.Image
	d.Image = func(sample, view int, dst []float32) error {
		err := one(sample, 0, dst)
		if view == 1 {
			slices.Reverse(dst)
		}
		return err
	}
	d.Features, d.Views = f, 2
	return d
}

func TestInterruptedTrainingEndsWithTheSameBytes(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	data := twoViews(goldenData(t, m))
	for _, method := range []Method{CoOp{}, CoCoOp{}, ProGrad{}, MaPLe{}, PromptSRC{Templates: goldenTemplates}} {
		dir := t.TempDir()
		o := Options{Epochs: 3, Batch: 3, Seed: 5, Schedule: adapt.Constant, LR: 0.01}
		save := func(o Options, name string) []byte {
			l, err := Train(context.Background(), m, method, adapt.Penalty{}, data, o)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name)
			if err := l.Save(path); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		whole := save(o, "whole.safetensors")
		for _, stop := range []int{1, 3, 4} { // in the first epoch, in the second
			o.Checkpoint = filepath.Join(dir, "state.safetensors")
			ctx, cancel := context.WithCancel(context.Background())
			steps := 0
			o.Progress = func(adapt.Progress) {
				if steps++; steps == stop {
					cancel()
				}
			}
			if _, err := Train(ctx, m, method, adapt.Penalty{}, data, o); !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: error %v, want the context's", method.Name(), err)
			}
			o.Progress = nil
			if got := save(o, "resumed.safetensors"); !slices.Equal(got, whole) {
				t.Errorf("%s: other bytes after an interruption at step %d", method.Name(), stop)
			}
			if _, err := os.Stat(o.Checkpoint); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: the finished training left its checkpoint", method.Name())
			}
		}
	}
}

func TestCheckpointOfAnotherTaskIsRefused(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	data := goldenData(t, m)
	o := Options{Epochs: 3, Batch: 3, Checkpoint: filepath.Join(t.TempDir(), "state.safetensors")}
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(adapt.Progress) { cancel() }
	if _, err := Train(ctx, m, CoOp{}, nil, data, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	o.Progress = nil
	if _, err := Train(context.Background(), m, CoOp{}, adapt.ZSNorm{}, data, o); err == nil ||
		!strings.Contains(err.Error(), o.Checkpoint) {
		t.Errorf("error %v, want one that names the checkpoint", err)
	}
}

func TestDivergenceKeepsTheLastGoodState(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	data := goldenData(t, m)
	l, err := Train(context.Background(), m, CoOp{}, nil, data, Options{Epochs: 6, LR: 1e38,
		Schedule: adapt.WarmCosine})
	var diverged *adapt.Diverged
	if !errors.As(err, &diverged) {
		t.Fatalf("error %v, want divergence", err)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("epoch %d, step %d", diverged.Epoch+1, diverged.Step+1)) {
		t.Errorf("error %q does not name the step", err)
	}
	for _, p := range l.params {
		if err := p.check(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Logits(context.Background(), goldenInput(data)); err != nil {
		t.Errorf("the state that was kept does not predict: %v", err)
	}
}

func TestClassCountsFromOneUp(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	for _, k := range []int{1, 2, 100} {
		data := goldenData(t, m)
		data.Classes = nil
		for i := range k {
			data.Classes = append(data.Classes, fmt.Sprintf("thing number %d", i))
		}
		for i := range data.Labels {
			data.Labels = slices.Clone(data.Labels)
			data.Labels[i] %= k
		}
		for _, method := range Methods() {
			for _, r := range adapt.Remedies() {
				if src, ok := method.(PromptSRC); ok {
					src.Templates = goldenTemplates
					method = src
				}
				l, err := Train(context.Background(), m, method, r, data, Options{Epochs: 2, Batch: 2, LR: 1e-3})
				if err != nil {
					t.Fatalf("%d classes: %v", k, err)
				}
				got, err := l.Logits(context.Background(), goldenInput(data))
				if err != nil || got.Check("logits") != nil {
					t.Errorf("%d classes, %s, %s: %v", k, method.Name(), r.Name(), errors.Join(err,
						got.Check("logits")))
				}
			}
		}
	}
}

func TestBadDataIsRefusedByName(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	good := goldenData(t, m)
	with := func(change func(d *Data)) Data {
		d := good
		change(&d)
		return d
	}
	long := strings.Repeat("very ", 61) + "long name" // 63 tokens, a full stop
	for name, c := range map[string]struct {
		method Method
		data   Data
		want   string
	}{
		"context too long": {CoOp{}, with(func(d *Data) { d.Classes = append([]string{long}, d.Classes[1:]...) }),
			"16 context vectors, 64 tokens and end are 82, more than the 77 that the text tower takes: use at most 11"},
		"empty name": {CoOp{}, with(func(d *Data) { d.Classes = append([]string{" "}, d.Classes[1:]...) }), "class 0"},
		"label": {CoOp{}, with(func(d *Data) { d.Labels = []int{7, 0, 0, 0, 0, 0, 0, 0} }),
			"label 7 of sample 0 is outside 0 to 6"},
		"no classes":        {CoOp{}, with(func(d *Data) { d.Classes = nil }), "no classes"},
		"feature count":     {CoOp{}, with(func(d *Data) { d.Views = 3 }), "8 samples in 3 views"},
		"NaN":               {CoOp{}, with(func(d *Data) { d.Features = d.Features.Clone(); d.Features.Data[20] = float32(math.NaN()) }), "row 1, column 4"},
		"no images":         {MaPLe{}, with(func(d *Data) { d.Image = nil }), "needs images"},
		"too deep":          {MaPLe{Depth: 9}, good, "depth 9: the model's towers take 1 to 3"},
		"negative contexts": {CoOp{Contexts: -1}, good, "-1 context vectors"},
		"short context":     {KgCoOp{Contexts: 2}, good, "2 context vectors for the 4 tokens"},
		"unreadable image": {MaPLe{}, with(func(d *Data) {
			d.Image = func(int, int,
				[]float32) error {
				return errors.New("cat.jpg is damaged")
			}
		}),
			"sample 0: cat.jpg is damaged"},
	} {
		if _, err := Train(context.Background(), m, c.method, nil, c.data, Options{Epochs: 1, Batch: 8}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	for want, o := range map[string]Options{"batch": {Batch: -1}, "epochs": {Epochs: -3}, "learning rate": {LR: inf()},
		"schedule": {Schedule: "steep"}} {
		if _, err := Train(context.Background(), m, CoOp{}, nil, good, o); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", o, err, want)
		}
	}
	if _, err := Train(context.Background(), m, CoOp{}, nil, good,
		Options{Init: map[string][]float32{"ctx": nil}}); err == nil || !strings.Contains(err.Error(), `"ctx"`) {
		t.Errorf("unknown initial value: error %v", err)
	}
}

func TestLearnedVectorsMoveToOtherClasses(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	data := goldenData(t, m)
	ctx := context.Background()
	l, err := Train(ctx, m, CoOp{}, adapt.SaLS{}, data, Options{Epochs: 1})
	if err != nil {
		t.Fatal(err)
	}
	swapped := []string{goldenClasses[3], goldenClasses[0]}
	moved, err := l.WithClasses(swapped, adapt.Matrix{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := l.Predict(ctx, goldenInput(data))
	if err != nil {
		t.Fatal(err)
	}
	two, err := moved.Predict(ctx, goldenInput(data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range data.Labels {
		for _, pair := range [][2]adapt.Matrix{{two.Raw, all.Raw}, {two.ZeroShot, all.ZeroShot}} {
			got, want := pair[0].Row(i), []float32{pair[1].Row(i)[3], pair[1].Row(i)[0]}
			if e := largestError(got, want); e > 1e-5 {
				t.Errorf("image %d: logits %v, want %v", i, got, want)
			}
		}
	}
	own, err := Train(ctx, m, CoOp{ClassSpecific: true}, nil, data, Options{Epochs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.WithClasses(swapped, adapt.Matrix{}); err == nil {
		t.Error("class-specific vectors moved to other classes")
	}
}
