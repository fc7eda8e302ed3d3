package adapt_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/nn"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/report"
	"clipcalib/internal/run"

	"gorgonia.org/gorgonia"
)

// softRange is a remedy of a program's own: a map of the logits in training, a
// term, and a map of the finished logits.
type softRange struct {
	Weight float64 `set:"weight" default:"0.5" range:">=0" from:"this test" help:"weight of the mean square"`
}

func (softRange) Name() string { return "soft-range" }

func (r softRange) Choices() []string { return []string{"remedy: soft-range"} }

func (r softRange) MapLogits(logits *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node {
	return nn.RangeMap(logits, zs.Range())
}

func (r softRange) LossTerm(logits *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node {
	d := nn.Sub(logits, zs.Logits())
	return nn.Dot(float32(adapt.Resolved(r).Weight)/float32(d.Shape().TotalSize()), d, d)
}

func (softRange) MapInference(adapted, zeroShot calib.Matrix) (calib.Matrix, error) {
	return calib.SaLS(adapted, zeroShot)
}

func init() {
	if err := adapt.RegisterRemedy(softRange{}); err != nil {
		panic(err)
	}
}

func openTiny(t *testing.T) *clipcalib.Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.pt")
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		t.Fatal(err)
	}
	m, err := clipcalib.Open(path, clipcalib.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func waves(rows, cols int, phase float64) adapt.Matrix {
	m := adapt.NewMatrix(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(math.Sin(phase + 1.7*float64(i)))
	}
	return m
}

func twoClasses() adapt.Data {
	return adapt.Data{Features: waves(8, 6, 0), Labels: []int{0, 1, 0, 1, 0, 1, 0, 1}, Prototypes: waves(2, 6, 5),
		LogitScale: 100}
}

func TestARemedyOfOnesOwnUnderAnAdapter(t *testing.T) {
	r, err := adapt.With(adapt.Remedy(softRange{}), "weight", "2")
	if err != nil {
		t.Fatal(err)
	}
	o := adapt.Options{Epochs: 20}
	a, err := adapt.Train(t.Context(), adapt.TaskRes{}, r, twoClasses(), o)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := adapt.Train(t.Context(), adapt.TaskRes{}, adapt.None{}, twoClasses(), o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Losses[5] == plain.Losses[5] {
		t.Error("the remedy has no part in the loss")
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := adapt.Load(path)
	if err != nil || back.Remedy != r {
		t.Fatalf("%+v, %v", back, err)
	}
	test := waves(5, 6, 9)
	got, err := back.Logits(test)
	if err != nil {
		t.Fatal(err)
	}
	zs, err := back.ZeroShotLogits(context.Background(), test)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Rows { // the map of inference
		if g, z := max(got.Row(i)[0], got.Row(i)[1]), max(zs.Row(i)[0], zs.Row(i)[1]); g != z {
			t.Errorf("sample %d: greatest logit %g, zero-shot %g", i, g, z)
		}
	}
}

func TestARemedyOfOnesOwnUnderPromptsAndAtTestTime(t *testing.T) {
	model := openTiny(t)
	dim := model.Config.EmbedDim
	data := prompt.Data{Classes: []string{"cat", "fork lift"}, Labels: []int{0, 1, 0, 1}, Features: waves(4, dim, 1)}
	learn := func(r adapt.Remedy) *prompt.Learner {
		l, err := prompt.Train(t.Context(), model, prompt.CoOp{Contexts: 2}, r, data, prompt.Options{Epochs: 3,
			Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := learn(softRange{})
	if l.Losses[0] == learn(adapt.None{}).Losses[0] {
		t.Error("the remedy has no part in the loss of prompts")
	}
	path := filepath.Join(t.TempDir(), "p.safetensors")
	if err := l.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := prompt.Load(path, model, prompt.LoadOptions{})
	if err != nil || back.Remedy != (softRange{}) {
		t.Fatalf("%+v, %v", back, err)
	}
	tune := func(r adapt.Remedy, c adapt.Compat) (testtime.Prediction, []string) {
		o := testtime.Options{Keep: 0.5, Compat: c}
		tuner, err := testtime.NewTuner(t.Context(), model.Images, model.Texts, data.Classes, testtime.TPT{}, r, o)
		if err != nil {
			t.Fatal(err)
		}
		defer tuner.Close()
		views := waves(8, dim, 2)
		var rows [][]float32
		for i := range views.Rows {
			rows = append(rows, views.Row(i))
		}
		p, err := tuner.TuneFeatures(t.Context(), rows, "picture")
		if err != nil {
			t.Fatal(err)
		}
		return p, tuner.Choices()
	}
	for _, c := range []adapt.Compat{adapt.Textbook, adapt.CLIPCalib} {
		p, choices := tune(softRange{}, c)
		q, _ := tune(adapt.None{}, c)
		if p.Loss == q.Loss {
			t.Errorf("%s: the remedy has no part in the loss of tuning", c)
		}
		if max(p.Logits[0], p.Logits[1]) != max(p.ZeroShot[0], p.ZeroShot[1]) {
			t.Errorf("%s: logits %v, zero-shot %v: not mapped", c, p.Logits, p.ZeroShot)
		}
		if all := strings.Join(choices, "\n"); !strings.Contains(all, "remedy: soft-range") ||
			!strings.Contains(all, "reference: ") {
			t.Errorf("choices %q", choices)
		}
	}
}

func TestARemedyOfOnesOwnIsReported(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	data := twoClasses()
	if _, err := run.Adapt(t.Context(), run.AdaptOptions{
		Method: adapt.ZSLP{}, Remedy: softRange{Weight: 2}, Train: adapt.Options{Epochs: 2}, Data: &data, Out: dir,
	}); err != nil {
		t.Fatal(err)
	}
	recipe, err := run.ReadRecipe(dir)
	if err != nil || recipe.Remedy != "soft-range" || recipe.RemedySettings["Weight"] != 2 {
		t.Fatalf("recipe %+v, %v", recipe, err)
	}
	res, err := run.Eval(t.Context(), run.EvalOptions{Run: dir, Data: &data, Name: "home",
		Bins: calib.Options{Bins: 10}})
	if err != nil || res.Target.Remedy != "soft-range" {
		t.Fatalf("%+v, %v", res.Target, err)
	}
	var text strings.Builder
	row := report.Run{Method: res.Target.Method, Remedy: res.Target.Remedy, Target: "home", Metrics: res.Metrics}
	if err := report.ResultsTable([]report.Run{row}).WriteText(&text); err != nil ||
		!strings.Contains(text.String(), "soft-range") {
		t.Errorf("report %v:\n%s", err, text.String())
	}
}

// hooked is a remedy whose hook is what a test makes it.
type hooked struct {
	hook func(logits *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node
}

func (hooked) Name() string      { return "hooked" }
func (hooked) Choices() []string { return nil }
func (h hooked) LossTerm(l *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node {
	return h.hook(l, zs)
}

type mapped struct{ hooked }

func (m mapped) MapLogits(l *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node { return m.hook(l, zs) }
func (mapped) LossTerm()                                                        {}

func TestWhatARemedyDoesWrongIsNamed(t *testing.T) {
	var foreign *gorgonia.Node
	g := gorgonia.NewGraph()
	foreign = gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(8, 2), gorgonia.WithName("foreign"))
	zero := func(l *gorgonia.Node) *gorgonia.Node { return nn.Sub(l, l) }
	for name, c := range map[string]struct {
		remedy adapt.Remedy
		want   []string
	}{
		"no node": {hooked{func(*gorgonia.Node, *adapt.Reference) *gorgonia.Node { return nil }}, []string{"missing"}},
		"foreign": {hooked{func(*gorgonia.Node, *adapt.Reference) *gorgonia.Node { return foreign }},
			[]string{"foreign", "another graph"}},
		"shape of term": {hooked{func(l *gorgonia.Node, _ *adapt.Reference) *gorgonia.Node { return l }},
			[]string{"(8, 2)", "one number"}},
		"shape of map": {mapped{hooked{func(_ *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node {
			return nn.Slice(zs.Range(), 0, 1)
		}}}, []string{"the shape must stay"}},
		"no derivative": {hooked{func(l *gorgonia.Node, _ *adapt.Reference) *gorgonia.Node {
			return nn.MeanAbs(nn.RowRange(l), nn.RowRange(l))
		}}, []string{"row range", "not differentiable"}},
		"NaN": {hooked{func(l *gorgonia.Node, _ *adapt.Reference) *gorgonia.Node {
			return nn.Dot(float32(math.NaN()), l, l)
		}}, []string{"NaN", "first step", "not the learning rate"}},
		"NaN in the gradient": {hooked{func(l *gorgonia.Node, _ *adapt.Reference) *gorgonia.Node {
			return nn.Dot(float32(math.Inf(1)), zero(l), zero(l))
		}}, []string{"NaN", "first step"}},
		"panic": {hooked{func(*gorgonia.Node, *adapt.Reference) *gorgonia.Node { panic("deliberate") }},
			[]string{"deliberate"}},
	} {
		_, err := adapt.Train(t.Context(), adapt.ZSLP{}, c.remedy, twoClasses(), adapt.Options{Epochs: 1})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, w := range append(c.want, "remedy hooked") {
			if !strings.Contains(err.Error(), w) && (w != "remedy hooked" || name != "no derivative") {
				t.Errorf("%s: error %q lacks %q", name, err, w)
			}
		}
		if strings.HasPrefix(name, "NaN") {
			var d *adapt.Diverged
			if !errors.As(err, &d) || d.Epoch != 0 || d.Step != 0 {
				t.Errorf("%s: %v is no *Diverged of the first step", name, err)
			}
		}
	}
}

// scaled is an adapter of a program's own: class vectors with a gain each.
type scaled struct {
	Start1 float64 `set:"start" default:"1" range:">0" from:"this test" help:"first gain"`
}

func (scaled) Name() string      { return "scaled" }
func (scaled) Choices() []string { return []string{"method: scaled"} }

func (scaled) Layout(k, d int) []adapt.Slot {
	return []adapt.Slot{{Name: "direction", Rows: k, Cols: d, Trained: true, Classes: adapt.ByRow}}
}

func (m scaled) Start(t *adapt.Training) (adapt.State, error) {
	s := adapt.NewState()
	w := t.Data().Prototypes.Clone()
	for i := range w.Data {
		w.Data[i] *= float32(adapt.Resolved(m).Start1)
	}
	s.Trained["direction"] = w
	return s, nil
}

func (scaled) Logits(b *adapt.Batch) *gorgonia.Node {
	return b.CosineLogits(b.UnitFeatures(), b.Matrix("direction"))
}

// brier is a loss of a program's own.
type brier struct{}

func (brier) Name() string   { return "square" }
func (brier) String() string { return "mean square of the logits" }
func (brier) Build(logits, labels *gorgonia.Node) *gorgonia.Node {
	return nn.Dot(1/float32(logits.Shape().TotalSize()), logits, logits)
}

func TestAnAdapterAndALossOfOnesOwn(t *testing.T) {
	t.Cleanup(adapt.ForgetMethods())
	if err := adapt.RegisterMethod(scaled{}); err != nil {
		t.Fatal(err)
	}
	if err := adapt.RegisterLoss(brier{}); err != nil {
		t.Fatal(err)
	}
	loss, err := adapt.ParseLoss("square")
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapt.Train(t.Context(), scaled{Start1: 2}, adapt.Penalty{}, twoClasses(),
		adapt.Options{Epochs: 30, Loss: loss})
	if err != nil {
		t.Fatal(err)
	}
	if a.Losses[29] >= a.Losses[0] {
		t.Errorf("the loss does not fall: %v", a.Losses)
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := adapt.Load(path)
	if err != nil || back.Method != (scaled{Start1: 2}) {
		t.Fatalf("%+v, %v", back, err)
	}
	one, err := back.Select([]int{1})
	if err != nil || one.Parameters()["direction"].Rows != 1 {
		t.Errorf("select: %v", err)
	}
}

func TestRegisteringRefusesWhatCannotBe(t *testing.T) {
	for want, err := range map[string]error{
		"the name is taken":    adapt.RegisterRemedy(softRange{}),
		"it does nothing":      adapt.RegisterRemedy(idle{}),
		"letters a to z":       adapt.RegisterLoss(shouting{}),
		"known are ce, label-": adapt.RegisterLoss(adapt.CrossEntropy{}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

type idle struct{}

func (idle) Name() string      { return "idle" }
func (idle) Choices() []string { return nil }

type shouting struct{ brier }

func (shouting) Name() string { return "SQUARE!" }
