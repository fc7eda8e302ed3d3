package adapt

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
)

// small returns a training set of the golden file in three views.
func small(t testing.TB) (Data, Matrix) {
	g := readGolden(t)
	return g.data(3), g.matrix("test", g.Width)
}

func mustTrain(t testing.TB, m Method, r Remedy, d Data, o Options) *Adapter {
	t.Helper()
	a, err := Train(context.Background(), m, r, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func sameBits(a, b Matrix) bool {
	return a.Rows == b.Rows && slices.EqualFunc(a.Data, b.Data, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y)
	})
}

func TestEveryMethodTakesEveryRemedy(t *testing.T) {
	d, test := small(t)
	for _, m := range Methods() {
		for _, r := range append(PaperRemedies(), combinedOf(t, "zs-norm+sals")) {
			for _, c := range []Compat{Textbook, CLIPCalib} {
				o := Options{Epochs: 3, Batch: 16, LR: 0.01, Seed: 5, Compat: c}
				a, b := mustTrain(t, m, r, d, o), mustTrain(t, m, r, d, o)
				la, err := a.Logits(test)
				if err != nil {
					t.Fatal(err)
				}
				lb, err := b.Logits(test)
				if err != nil {
					t.Fatal(err)
				}
				if !sameBits(la, lb) {
					t.Errorf("%s, %s, %s: two trainings differ", m.Name(), r.Name(), c)
				}
				path := filepath.Join(t.TempDir(), "a.safetensors")
				if err := a.Save(path); err != nil {
					t.Fatal(err)
				}
				back, err := Load(path)
				if err != nil {
					t.Fatalf("%s, %s: %v", m.Name(), r.Name(), err)
				}
				lc, err := back.Logits(test)
				if err != nil || !sameBits(la, lc) || !slices.Equal(a.Losses, back.Losses) {
					t.Errorf("%s, %s: the loaded adapter differs (%v)", m.Name(), r.Name(), err)
				}
			}
		}
	}
}

func TestSettingsSurviveSaving(t *testing.T) {
	d, test := small(t)
	for _, c := range []struct {
		m Method
		r Remedy
	}{
		{TaskRes{Alpha: 0.25}, Penalty{Lambda: 3}},
		{CLIPAdapter{Ratio: 0.4, Reduction: 2}, None{}},
		{TipAdapterF{Alpha: 2, Beta: 5.5}, SaLS{}},
		{CLAP{Constraint: Adaptive}, ZSNorm{}},
	} {
		a := mustTrain(t, c.m, c.r, d, Options{Epochs: 3, LogitScale: 50, LR: 0.001})
		path := filepath.Join(t.TempDir(), "a.safetensors")
		if err := a.Save(path); err != nil {
			t.Fatal(err)
		}
		b, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if b.Method != c.m || b.Remedy != c.r || b.LogitScale != 50 {
			t.Errorf("%+v %+v came back as %+v %+v scale %g", c.m, c.r, b.Method, b.Remedy, b.LogitScale)
		}
		x, _ := a.Logits(test)
		y, err := b.Logits(test)
		if err != nil || !sameBits(x, y) {
			t.Errorf("%s: logits differ after loading (%v)", c.m.Name(), err)
		}
	}
}

// TestAnInterruptedTrainingGivesTheSameBytes cancels in the middle of epochs.
func TestAnInterruptedTrainingGivesTheSameBytes(t *testing.T) {
	d, _ := small(t)
	for _, m := range []Method{TaskRes{}, CLAP{Constraint: Adaptive}, CLIPAdapter{}} {
		for _, rule := range []Optimizer{SGD, AdamW} {
			o := Options{Epochs: 12, Batch: 8, LR: 0.01, Seed: 9, Optimizer: rule}
			whole := mustTrain(t, m, Penalty{}, d, o)
			o.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
			var a *Adapter
			runs := 0
			for a == nil {
				var err error
				a, err = Train(&budget{Context: context.Background(), left: 120}, m, Penalty{}, d, o)
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if runs++; runs > 100 {
					t.Fatal("training does not come to an end")
				}
			}
			if runs < 4 {
				t.Errorf("%s, %s: only %d runs, the test does not interrupt", m.Name(), rule, runs)
			}
			for name, p := range whole.Parameters() {
				if !sameBits(p, a.Parameters()[name]) {
					t.Errorf("%s, %s: %s differs", m.Name(), rule, name)
				}
			}
			if !slices.Equal(whole.Losses, a.Losses) {
				t.Errorf("%s, %s: losses differ", m.Name(), rule)
			}
			if _, err := os.Stat(o.Checkpoint); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the checkpoint is still there (%v)", err)
			}
		}
	}
}

// budget is a context that ends after it was asked a number of times.
type budget struct {
	context.Context
	left int
}

func (b *budget) Err() error {
	if b.left--; b.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestACheckpointOfAnotherTrainingIsRefused(t *testing.T) {
	d, _ := small(t)
	o := Options{Epochs: 10, Batch: 8, Checkpoint: filepath.Join(t.TempDir(), "c")}
	if _, err := Train(&budget{Context: context.Background(), left: 60}, TaskRes{}, None{}, d, o); !errors.Is(err,
		context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	for name, change := range map[string]func(o *Options, d *Data){
		"seed": func(o *Options, _ *Data) { o.Seed = 1 },
		"rate": func(o *Options, _ *Data) { o.LR = 0.2 },
		"data": func(_ *Options, d *Data) { d.Features = d.Features.Clone(); d.Features.Data[7]++ },
	} {
		o, d := o, d
		change(&o, &d)
		if _, err := Train(context.Background(), TaskRes{}, None{}, d, o); err == nil ||
			!strings.Contains(err.Error(), "other data or options") {
			t.Errorf("%s changed: error %v", name, err)
		}
	}
}

func TestDivergenceIsNamedAndTheLastGoodStateKept(t *testing.T) {
	d, test := small(t)
	o := Options{Epochs: 30, Batch: 8, LR: 1e30, Schedule: WarmCosine}
	a, err := Train(context.Background(), CLIPAdapter{}, None{}, d, o)
	var diverged *Diverged
	if !errors.As(err, &diverged) {
		t.Fatalf("error %v, want *Diverged", err)
	}
	if diverged.Epoch < 1 || !strings.Contains(err.Error(), fmt.Sprintf("epoch %d, step", diverged.Epoch+1)) {
		t.Errorf("error %q does not name the step", err)
	}
	if a == nil {
		t.Fatal("no adapter came with the error")
	}
	l, err := a.Logits(test)
	if err != nil || l.check("logits") != nil {
		t.Errorf("the state that was kept is not good: %v", errors.Join(err, l.check("logits")))
	}
}

func TestBadDataIsNamed(t *testing.T) {
	good, _ := small(t)
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		change func(d *Data)
		want   string
	}{
		"fewer samples than classes": {func(d *Data) {
			*d = Data{Features: d.Features.head(3), Labels: d.Labels[:3],
				Prototypes: d.Prototypes}
		}, "3 samples for 5 classes"},
		"label too large": {func(d *Data) { d.Labels = slices.Clone(d.Labels); d.Labels[4] = 5 },
			"label 5 at row 4 is outside 0 to 4"},
		"negative label": {func(d *Data) { d.Labels = slices.Clone(d.Labels); d.Labels[4] = -1 },
			"label -1 at row 4"},
		"NaN feature": {func(d *Data) { d.Features = d.Features.Clone(); d.Features.Row(2)[3] = nan },
			"features: value at row 2, column 3 is NaN"},
		"NaN prototype": {func(d *Data) { d.Prototypes = d.Prototypes.Clone(); d.Prototypes.Row(1)[0] = nan },
			"prototypes: value at row 1, column 0 is NaN"},
		"widths differ": {func(d *Data) { d.Prototypes = NewMatrix(5, 7) },
			"features are 16 wide, prototypes 7"},
		"zero feature": {func(d *Data) { d.Features = d.Features.Clone(); clear(d.Features.Row(2)) },
			"features: row 2 of 120 is all zeros"},
		"zero prototype": {func(d *Data) { d.Prototypes = d.Prototypes.Clone(); clear(d.Prototypes.Row(4)) },
			"prototypes: row 4 of 5 is all zeros"},
		"too few labels": {func(d *Data) { d.Labels = d.Labels[1:] }, "39 labels for 40 samples"},
		"odd views":      {func(d *Data) { d.Views = 7 }, "not 7 views"},
		"no features":    {func(d *Data) { d.Features = Matrix{} }, "features: shape [0, 0] is empty"},
		"shape and data": {func(d *Data) { d.Features.Rows++ }, "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			d := good
			c.change(&d)
			if _, err := Train(context.Background(), TaskRes{}, None{}, d, Options{Epochs: 1}); err == nil ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	d, _ := small(t)
	for want, o := range map[string]Options{
		"unknown compat":    {Compat: "x"},
		"unknown optimizer": {Optimizer: "lion"},
		"unknown schedule":  {Schedule: "x"},
		"epochs -1":         {Epochs: -1},
		"learning rate NaN": {LR: math.NaN()},
		"weight decay -1":   {WeightDecay: -1},
		"trains residual":   {Init: map[string]Matrix{"w1": NewMatrix(1, 1)}},
		"want [5, 16]":      {Init: map[string]Matrix{"residual": NewMatrix(1, 1)}},
	} {
		if _, err := Train(context.Background(), TaskRes{}, None{}, d, o); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestUnknownNamesListTheKnown(t *testing.T) {
	_, err := ParseMethod("lora")
	if err == nil || !strings.Contains(err.Error(), "zero-shot, zslp, clip-adapter, tip-adapter, tip-adapter-f, "+
		"taskres, clap") {
		t.Errorf("method: %v", err)
	}
	_, err = ParseRemedy("x")
	if err == nil || !strings.Contains(err.Error(), "none, zs-norm, penalty, sals") {
		t.Errorf("remedy: %v", err)
	}
	_, err = ParseLoss("x")
	if err == nil || !strings.Contains(err.Error(), "ce, label-smoothing, ecp, focal, mbls, logitnorm") {
		t.Errorf("loss: %v", err)
	}
}

func TestProgressTellsEveryEpoch(t *testing.T) {
	d, _ := small(t)
	var seen []Progress
	o := Options{Epochs: 3, Batch: 8, Progress: func(p Progress) { seen = append(seen, p) }}
	a := mustTrain(t, TaskRes{}, None{}, d, o)
	if len(seen) != 3 || seen[2].Epoch != 3 || seen[0].LR != 1e-5 || seen[1].LR != 0.1 || seen[0].Steps != 5 ||
		seen[2].Loss != a.Losses[2] {
		t.Errorf("progress %+v", seen)
	}
}

func TestChoicesAreWordedForBothForms(t *testing.T) {
	for c, want := range map[Compat]string{Textbook: "cosine of query and key", CLIPCalib: "query not normalised"} {
		lines, err := Choices(TipAdapter{}, None{}, Options{Compat: c})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("%s: %v", c, lines)
		}
	}
	lines, err := Choices(TaskRes{}, Penalty{}, Options{LogitScale: 100})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{"weight 10", "SGD, momentum 0.9, rate 0.1", "300 epochs, batches of 256",
		"100 times the cosine"} {
		if !strings.Contains(all, want) {
			t.Errorf("choices lack %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "affinity") {
		t.Errorf("choices of TaskRes speak of Tip-Adapter:\n%s", all)
	}
}

func TestEncodingChoicesSayWhatWasUsed(t *testing.T) {
	for _, c := range []struct {
		method Method
		compat Compat
		used   Encoding
		want   string
	}{
		{TaskRes{}, Textbook, Encoding{Augmented: 20, Templates: 1}, "augmented views: 20 (textbook)"},
		{TaskRes{}, Textbook, Encoding{Augmented: 5, Templates: 1}, "augmented views: 5 (asked for; textbook: 20)"},
		{TaskRes{}, Textbook, Encoding{Augmented: 0, Templates: 1},
			"augmented views: none, the plain picture (asked for; textbook: 20)"},
		{TipAdapter{}, CLIPCalib, Encoding{Augmented: 1, Templates: 8}, "augmented views: 1 (clipcalib)"},
		{TipAdapter{}, Textbook, Encoding{Augmented: 20, Templates: 1},
			"augmented views: 20 (asked for; textbook: 10)"},
		{TipAdapter{}, CLIPCalib, Encoding{Augmented: 1, Templates: 3},
			"prototype templates: 3, plain mean of features (clipcalib)"},
		{TipAdapter{}, CLIPCalib, Encoding{Templates: 3, Float16: true}, "prototype precision: float16 (asked for)"},
	} {
		if got := EncodingChoices(c.method, c.compat, c.used); !slices.Contains(got, c.want) {
			t.Errorf("%s, %s, %+v: %q lack %q", c.method.Name(), c.compat, c.used, got, c.want)
		}
	}
}

func TestTheLogitScaleIsTheModelsOrAsked(t *testing.T) {
	d, _ := small(t)
	for _, c := range []struct{ data, options, want float64 }{{14, 0, 14}, {14, 50, 50}, {0, 50, 50}} {
		d.LogitScale = c.data
		if a := mustTrain(t, TaskRes{}, None{}, d, Options{Epochs: 1, LogitScale: c.options}); a.LogitScale != c.want {
			t.Errorf("%+v: %g", c, a.LogitScale)
		}
	}
	d.LogitScale = 0
	if _, err := Train(context.Background(), TaskRes{}, None{}, d, Options{}); err == nil ||
		!strings.Contains(err.Error(), "Data.LogitScale") {
		t.Errorf("no scale: error %v", err)
	}
}
