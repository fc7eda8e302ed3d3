package run_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/run"
)

var names = []string{"cat", "dog", "red rose"}

// tinyModel is a model of random weights.
func tinyModel(t *testing.T) *clip.Model {
	t.Helper()
	m, err := clip.New(cliptest.Open(t, cliptest.Tiny()), clip.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// promptOptions train method on made-up features and pictures.
func promptOptions(m *clip.Model, method prompt.Method, out string) run.PromptOptions {
	d := adapt.NewMatrix(12, m.Config.EmbedDim)
	for i := range d.Data {
		d.Data[i] = float32(math.Sin(float64(3*i + i%7)))
	}
	return run.PromptOptions{
		Model: m, Method: method, Remedy: adapt.SaLS{}, Out: out,
		Data:  prompt.Data{Classes: names, Labels: []int{0, 1, 2, 0, 1, 2}, Views: 2, Features: d, Image: wave},
		Train: prompt.Options{Epochs: 4, Batch: 2, Seed: 5},
	}
}

// wave is a made-up picture.
func wave(sample, view int, dst []float32) error {
	for i := range dst {
		dst[i] = float32(math.Sin(float64(sample+1) * float64(i+view)))
	}
	return nil
}

func promptTarget(m *clip.Model) run.EvalOptions {
	d := promptOptions(m, prompt.CoOp{}, "").Data
	return run.EvalOptions{
		Name: "t", Data: &adapt.Data{Features: d.Features, Labels: []int{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}},
		Prompts: &run.PromptTarget{Model: m, Images: func(context.Context) (func(int, []float32) error, func()) {
			return func(i int, dst []float32) error { return wave(i, 0, dst) }, func() {}
		}},
	}
}

func TestInterruptedPromptLearningEndsWithTheSameBytes(t *testing.T) {
	m := tinyModel(t)
	for _, method := range []prompt.Method{prompt.CoOp{Contexts: 2},
		prompt.PromptSRC{Depth: 2, Templates: []string{"a {}."}}} {
		whole, parts := t.TempDir(), t.TempDir()
		o := promptOptions(m, method, whole)
		if trained, err := run.LearnPrompts(context.Background(), o); err != nil || !trained {
			t.Fatal(trained, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		o.Out = parts
		o.Train.Progress = func(p adapt.Progress) {
			if p.Epoch == 1 && p.Step == 2 { // in the middle of an epoch
				cancel()
			}
		}
		if _, err := run.LearnPrompts(ctx, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: error %v, want context.Canceled", method.Name(), err)
		}
		if _, err := os.Stat(filepath.Join(parts, "checkpoint.safetensors")); err != nil {
			t.Error(err)
		}
		o.Train.Progress = nil
		if _, err := run.LearnPrompts(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{whole, parts} {
			e := promptTarget(m)
			e.Run = dir
			if _, err := run.Eval(context.Background(), e); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := list(t, whole), list(t, parts); !slices.Equal(a, b) {
			t.Fatalf("files %v and %v", a, b)
		}
		for _, n := range list(t, whole) {
			if !bytes.Equal(read(t, whole, n), read(t, parts, n)) {
				t.Errorf("%s: %s differs after an interruption", method.Name(), n)
			}
		}
	}
}

func TestSaLSKeepsLearnedPromptsInTheZeroShotRange(t *testing.T) {
	m := tinyModel(t)
	o := promptOptions(m, prompt.KgCoOp{}, t.TempDir())
	if _, err := run.LearnPrompts(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	e := promptTarget(m)
	e.Run = o.Out
	res, err := run.Eval(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	if d := math.Abs(res.Metrics.LogitRange - res.ZeroShot.LogitRange); d > 1e-4*res.ZeroShot.LogitRange {
		t.Errorf("logit range %g, zero-shot %g", res.Metrics.LogitRange, res.ZeroShot.LogitRange)
	}
	if res.Target.Prototypes != "learned prompts" || res.Target.ZeroShot != "run" {
		t.Errorf("prototypes %q, reference %q", res.Target.Prototypes, res.Target.ZeroShot)
	}
	again, err := run.Eval(context.Background(), e)
	if err != nil || !again.Reused {
		t.Errorf("reused %v, %v", again.Reused, err)
	}
	e.Prompts.Classes = names
	if again, err = run.Eval(context.Background(), e); err != nil || !again.Reused {
		t.Errorf("the same class names: reused %v, %v", again.Reused, err)
	}
	e.Prompts.Classes = []string{"cat", "dog", "tulip"}
	other, err := run.Eval(context.Background(), e)
	if err != nil || other.Reused || other.Target.ZeroShot != "a photo of a {}." {
		t.Errorf("other class names: reused %v, reference %q, %v", other.Reused, other.Target.ZeroShot, err)
	}
}

func TestPromptsThatDivergeKeepTheirLastGoodState(t *testing.T) {
	m := tinyModel(t)
	o := promptOptions(m, prompt.CoOp{Contexts: 2}, t.TempDir())
	o.Train.LR, o.Train.Schedule = 1e38, adapt.Constant
	_, err := run.LearnPrompts(context.Background(), o)
	var diverged *adapt.Diverged
	if !errors.As(err, &diverged) || !strings.Contains(err.Error(), "last-good-prompts.safetensors") {
		t.Fatalf("error %v, want *adapt.Diverged and the file", err)
	}
	if _, err := prompt.Load(filepath.Join(o.Out, "last-good-prompts.safetensors"), m,
		prompt.LoadOptions{}); err != nil {
		t.Error(err)
	}
	e := promptTarget(m)
	e.Run = o.Out
	if err := evalErr(e); err == nil || !strings.Contains(err.Error(), "no finished run") {
		t.Errorf("a run that diverged was evaluated: %v", err)
	}
}

func TestBadPromptRunsNameWhatIsWrong(t *testing.T) {
	m := tinyModel(t)
	done := promptOptions(m, prompt.CoOp{Contexts: 2}, t.TempDir())
	if _, err := run.LearnPrompts(context.Background(), done); err != nil {
		t.Fatal(err)
	}
	learn := func(change func(o *run.PromptOptions)) func() error {
		return func() error {
			o := promptOptions(m, prompt.CoOp{Contexts: 2}, filepath.Join(t.TempDir(), "run"))
			change(&o)
			_, err := run.LearnPrompts(context.Background(), o)
			if _, left := os.Stat(o.Out); left == nil && o.Out != done.Out {
				t.Errorf("a folder was left behind after: %v", err)
			}
			return err
		}
	}
	for name, c := range map[string]struct {
		do   func() error
		want string
	}{
		"long name": {learn(func(o *run.PromptOptions) {
			o.Data.Classes = []string{"cat", "dog", strings.Repeat("x ", 80)}
		}), "class 2"},
		"no classes":   {learn(func(o *run.PromptOptions) { o.Data.Classes = nil }), "no classes"},
		"other recipe": {learn(func(o *run.PromptOptions) { o.Out, o.Train.Seed = done.Out, 9 }), "another recipe"},
		"other features": {learn(func(o *run.PromptOptions) { o.Out = done.Out; o.Data.Features.Data[0] = 9 }),
			"another recipe"},
		"no images": {learn(func(o *run.PromptOptions) { o.Method, o.Data.Image = prompt.MaPLe{Depth: 2}, nil }),
			"needs images"},
		"no model":        {learn(func(o *run.PromptOptions) { o.Model = nil }), "no model"},
		"negative rate":   {learn(func(o *run.PromptOptions) { o.Train.LR = -1 }), "learning rate"},
		"wrong features":  {learn(func(o *run.PromptOptions) { o.Data.Features = adapt.NewMatrix(3, 4) }), "[3, 4]"},
		"no initial file": {learn(func(o *run.PromptOptions) { o.Init = "nowhere" }), "nowhere"},
		"no model to evaluate": {func() error {
			return evalErr(run.EvalOptions{Run: done.Out, Name: "x", Data: promptTarget(m).Data})
		}, "--weights"},
		"not a checkpoint": {func() error {
			return run.Import(run.ImportOptions{Checkpoint: t.TempDir(), Model: m, Out: t.TempDir()})
		}, "not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
