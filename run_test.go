package clipcalib_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/run"
	"clipcalib/vit"
)

const demoModel = "internal/demo/model/clip-icons-32.pt"

var (
	icons = []string{"apple", "bus", "hammer", "tangerine", "taxi", "screwdriver"}
	shots = clipcalib.Shots{
		Pictures: []string{icon("apple"), icon("bus"), icon("hammer")}, Labels: []int{0, 1, 2},
		Classes: []string{"fruit", "vehicle", "tool"}, Templates: []string{"an icon of a {}."},
	}
)

func icon(name string) string { return filepath.Join("testdata", "icons", name+".png") }

func iconFiles() (out []clipcalib.Picture) {
	for _, name := range icons {
		out = append(out, clipcalib.FromFile(icon(name)))
	}
	return out
}

// adapted keeps an adapter of three shots.
func adapted(t testing.TB, m adapt.Method, r adapt.Remedy) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := clipcalib.Adapt(context.Background(), dir, demoModel, shots, m, r, adapt.Options{Epochs: 20}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// learned keeps prompts of three shots.
func learned(t testing.TB, m prompt.Method, r adapt.Remedy) string {
	t.Helper()
	model := openDemo(t)
	n := len(shots.Pictures)
	data, err := clipcalib.TrainingData(t.Context(), model, shots.Pictures, shots.Labels, shots.Classes, shots.Templates...)
	if err != nil {
		t.Fatal(err)
	}
	o := run.PromptOptions{Model: model, Method: m, Remedy: r, Out: filepath.Join(t.TempDir(), "run"),
		Train:  prompt.Options{Epochs: 2},
		Data:   prompt.Data{Classes: shots.Classes, Labels: shots.Labels, Features: data.Features, Prototypes: data.Prototypes},
		Inputs: run.Inputs{Weights: demoModel, WeightsSHA256: demoIdentity(t), Preprocessing: model.Images.Preprocessor().String()},
	}
	if prompt.NeedsImages(m) {
		o.Data.Features = adapt.Matrix{}
		o.Data.Image = func(i, _ int, dst []float32) error {
			img, err := vit.OpenImage(shots.Pictures[i%n])
			if err == nil {
				err = model.Images.Preprocessor().Into(dst, img)
			}
			return err
		}
	}
	for _, name := range shots.Classes {
		o.Classes = append(o.Classes, run.Class{Name: name})
	}
	if _, err := run.LearnPrompts(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o.Out
}

// tuned keeps test-time tuning on three pictures.
func tuned(t testing.TB, m testtime.Method, r adapt.Remedy) string {
	t.Helper()
	model := openDemo(t)
	tuner, err := testtime.NewTuner(t.Context(), model.Images, model.Texts, shots.Classes, m, r, testtime.Options{Views: 8, Keep: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	defer tuner.Close()
	dir := filepath.Join(t.TempDir(), "run")
	o := testtime.RunOptions{Dir: dir, Name: "icons", Inputs: testtime.Inputs{WeightsFile: demoModel, WeightsSHA256: demoIdentity(t)}}
	for i, path := range shots.Pictures {
		o.Items = append(o.Items, testtime.Item{Key: path, Label: i, Open: func() (image.Image, error) { return vit.OpenImage(path) }})
	}
	if _, err := tuner.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openDemo(t testing.TB) *clipcalib.Model {
	t.Helper()
	m, err := clipcalib.Open(demoModel, clipcalib.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func demoIdentity(t testing.TB) string {
	t.Helper()
	m, err := run.ReadModel(adapted(t, adapt.ZeroShot{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	return m.Weights.SHA256
}

func openRun(t testing.TB, dir string, o clipcalib.RunOptions) *clipcalib.Run {
	t.Helper()
	r, err := clipcalib.OpenRun(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// crosswise is a remedy of a program's own that looks across the rows it is
// given: one row at a time it does nothing but double.
type crosswise struct{}

func (crosswise) Name() string      { return "crosswise-test" }
func (crosswise) Choices() []string { return []string{"doubles"} }
func (crosswise) MapInference(l, _ calib.Matrix) (calib.Matrix, error) {
	out := calib.NewMatrix(l.N, l.K)
	for i, v := range l.Data {
		out.Data[i] = v * float64(1+l.N)
	}
	return out, nil
}

func init() {
	if err := adapt.RegisterRemedy(crosswise{}); err != nil {
		panic(err)
	}
}

// Each family, with remedies that act in training, at use and of a program's
// own: pictures come out the same by path, bytes and image, alone and together,
// and the numbers of one prediction agree with one another.
func TestRunsOfAllFamiliesPredict(t *testing.T) {
	for name, dir := range map[string]string{
		"taskres":        adapted(t, adapt.TaskRes{}, adapt.Penalty{}),
		"tip-adapter-f":  adapted(t, adapt.TipAdapterF{}, adapt.SaLS{}),
		"clip-adapter":   adapted(t, adapt.CLIPAdapter{}, crosswise{}),
		"coop":           learned(t, prompt.CoOp{Contexts: 2}, adapt.SaLS{}),
		"coop crosswise": learned(t, prompt.CoOp{Contexts: 2}, crosswise{}),
		"cocoop":         learned(t, prompt.CoCoOp{Contexts: 4}, nil),
		"maple":          learned(t, prompt.MaPLe{Contexts: 4, Depth: 2}, nil),
		"tpt":            tuned(t, testtime.TPT{}, adapt.SaLS{}),
		"c-tpt":          tuned(t, testtime.CTPT{Lambda: adapt.Zero}, adapt.Penalty{Lambda: 3}),
		"tpt crosswise":  tuned(t, testtime.TPT{}, crosswise{}),
	} {
		t.Run(name, func(t *testing.T) {
			r := openRun(t, dir, clipcalib.RunOptions{})
			all, err := r.Predict(t.Context(), iconFiles()...)
			if err != nil {
				t.Fatal(err)
			}
			if len(all.Pictures) != len(icons) {
				t.Fatalf("%d predictions", len(all.Pictures))
			}
			for i, p := range all.Pictures {
				consistent(t, r, p)
				data, err := os.ReadFile(icon(icons[i]))
				if err != nil {
					t.Fatal(err)
				}
				img, err := vit.DecodeImage(data)
				if err != nil {
					t.Fatal(err)
				}
				for _, one := range []clipcalib.Picture{clipcalib.FromBytes(p.Name, data), clipcalib.FromImage(p.Name, img)} {
					got, err := r.Predict(t.Context(), one)
					if err != nil {
						t.Fatal(err)
					}
					if !same(got.Pictures[0], p) {
						t.Errorf("%s by itself: %+v, among others: %+v", p.Name, got.Pictures[0], p)
					}
				}
			}
		})
	}
}

// same compares predictions of one picture: products of one or two rows are
// summed in another order than those of more, so that last bits differ.
func same(a, b clipcalib.Prediction) bool {
	near := func(x, y []float32) bool {
		return slices.EqualFunc(x, y, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-4 })
	}
	return a.Name == b.Name && a.Class == b.Class && math.Abs(a.Confidence-b.Confidence) < 1e-5 &&
		near(a.Logits, b.Logits) && near(a.Adapted, b.Adapted) && near(a.ZeroShot, b.ZeroShot)
}

func consistent(t *testing.T, r *clipcalib.Run, p clipcalib.Prediction) {
	t.Helper()
	sum, best := 0.0, 0
	for k, v := range p.Probabilities {
		if sum += v; v > p.Probabilities[best] {
			best = k
		}
	}
	if math.Abs(sum-1) > 1e-12 || p.Label != best || p.Class != r.Classes()[best] || p.Confidence != p.Probabilities[best] {
		t.Errorf("%+v", p)
	}
	s, err := r.Summarize(p, 2)
	if err != nil || len(s.Top) != 2 || s.Top[0].Class != p.Class || s.Top[0].Confidence != p.Confidence || s.Top[1].Confidence > p.Confidence {
		t.Errorf("summary %+v, %v", s, err)
	}
	switch r.Info().Remedy {
	case "sals": // the map of inference gives the zero-shot range
		if got := span(p.Logits); math.Abs(got-p.ZeroShotRange) > 1e-3 {
			t.Errorf("range after SaLS %g, zero-shot %g", got, p.ZeroShotRange)
		}
	case "crosswise-test":
		if got := span(p.Logits); math.Abs(got-2*p.Range) > 1e-3 {
			t.Errorf("range %g, want twice %g", got, p.Range)
		}
	}
	if math.Abs(span(p.Adapted)-p.Range) > 1e-6 || math.Abs(p.Range/p.ZeroShotRange-p.RangeRatio) > 1e-9 {
		t.Errorf("ranges %g, %g, ratio %g", p.Range, p.ZeroShotRange, p.RangeRatio)
	}
}

func span(row []float32) float64 {
	low, high := row[0], row[0]
	for _, v := range row {
		low, high = min(low, v), max(high, v)
	}
	return float64(high) - float64(low)
}

// What a run says of pictures is what eval keeps of the same ones.
func TestPredictIsEval(t *testing.T) {
	dir := adapted(t, adapt.TaskRes{}, adapt.SaLS{})
	model := openDemo(t)
	var paths []string
	for _, name := range icons {
		paths = append(paths, icon(name))
	}
	features, err := model.Images.EncodeFiles(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	data := adapt.Data{Features: adapt.FromRows(features), Labels: []int{0, 1, 2, 0, 1, 2}}
	out := filepath.Join(t.TempDir(), "eval")
	if _, err := run.Eval(t.Context(), run.EvalOptions{Run: dir, Data: &data, Out: out, Device: model.Device}); err != nil {
		t.Fatal(err)
	}
	want, err := run.ReadEvaluation(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := openRun(t, dir, clipcalib.RunOptions{}).Predict(t.Context(), iconFiles()...)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got.Pictures {
		for k, v := range p.Logits {
			if float64(v) != want.Logits.Row(i)[k] || float64(p.ZeroShot[k]) != want.ZeroShot.Row(i)[k] {
				t.Errorf("%s, class %d: logits %g and %g, eval has %g and %g", p.Name, k, v, p.ZeroShot[k],
					want.Logits.Row(i)[k], want.ZeroShot.Row(i)[k])
			}
		}
	}
}

func TestPicturesThatCannotBeReadAreNamed(t *testing.T) {
	r := openRun(t, adapted(t, adapt.TaskRes{}, nil), clipcalib.RunOptions{})
	for name, p := range map[string]clipcalib.Picture{
		"no such.png": clipcalib.FromFile("no such.png"),
		"zeros":       clipcalib.FromBytes("zeros", make([]byte, 1000)),
		"nothing":     clipcalib.FromBytes("nothing", nil),
		"no pixels":   clipcalib.FromImage("no pixels", image.NewNRGBA(image.Rectangle{})),
	} {
		_, err := r.Predict(t.Context(), clipcalib.FromFile(icon("bus")), p)
		var bad *clipcalib.PictureError
		if !errors.As(err, &bad) || bad.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunsThatCannotBeUsedAreRefused(t *testing.T) {
	good := adapted(t, adapt.TaskRes{}, nil)
	sealed := func(change func(dir string)) string {
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
			t.Fatal(err)
		}
		change(dir)
		return dir
	}
	copied := func(change func(dir string)) string { // without the manifest that would name any change
		return sealed(func(dir string) {
			if err := os.Remove(filepath.Join(dir, "manifest.json")); err != nil {
				t.Fatal(err)
			}
			change(dir)
		})
	}
	edit := func(name, from, to string) func(dir string) {
		return func(dir string) {
			path := filepath.Join(dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.ReplaceAll(string(text), from, to)
			if changed == string(text) {
				t.Fatalf("%s holds no %q", name, from)
			}
			if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(dir string) {
		return func(dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := filepath.Join(t.TempDir(), "other.pt")
	if err := cliptest.Write(other, cliptest.Tiny(), 1); err != nil {
		t.Fatal(err)
	}
	identity, _, _ := strings.Cut(demoIdentity(t), " ")
	for name, c := range map[string]struct {
		dir   string
		o     clipcalib.RunOptions
		words []string
	}{
		"no folder":    {dir: filepath.Join(t.TempDir(), "none"), words: []string{"none", "no run here"}},
		"half written": {dir: copied(remove("adapter.safetensors")), words: []string{"not finished", "adapter.safetensors"}},
		"newer":        {dir: copied(edit("model.yaml", "version: 1", "version: 99")), words: []string{"version 99", "newer"}},
		"flipped": {dir: sealed(edit("model.yaml", "family: adapters", "family: prompts")),
			words: []string{"model.yaml is damaged", "manifest.json"}},
		"weights gone":    {dir: copied(edit("model.yaml", "clip-icons-32.pt", "gone.pt")), words: []string{"gone.pt", "--weights"}},
		"other weights":   {dir: good, o: clipcalib.RunOptions{Weights: other}, words: []string{"not the model of the run", identity[:12]}},
		"no such weights": {dir: good, o: clipcalib.RunOptions{Weights: "none.pt"}, words: []string{"none.pt"}},
		"other classes":   {dir: good, o: clipcalib.RunOptions{Classes: []string{"cat", "dog", "cow"}}, words: []string{"no others"}},
		"no names":        {dir: copied(remove("classes.json")), words: []string{"classes.json"}},
		"unknown remedy":  {dir: copied(edit("model.yaml", "family: adapters", "family: sorcery")), words: []string{"sorcery"}},
		"bad drift":       {dir: copied(edit("drift.json", `"levels": [`, `"levels": [7,`)), words: []string{"drift.json", "damaged"}},
		"newer drift":     {dir: copied(edit("drift.json", `"version": 1`, `"version": 7`)), words: []string{"drift.json", "version 7"}},
		"preprocessing":   {dir: copied(edit("model.yaml", "preprocessing: ", "preprocessing: other ")), words: []string{"prepared by"}},
		"another run's parameters": {dir: copied(func(dir string) {
			from, to := adapted(t, adapt.ZSLP{}, nil), filepath.Join(dir, "adapter.safetensors")
			if err := os.Remove(to); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(filepath.Join(from, "adapter.safetensors"), to); err != nil {
				t.Fatal(err)
			}
		}), words: []string{"adapter.safetensors", "zslp", "taskres"}},
		"cut parameters": {dir: copied(func(dir string) {
			if err := os.Truncate(filepath.Join(dir, "adapter.safetensors"), 300); err != nil {
				t.Fatal(err)
			}
		}), words: []string{"adapter.safetensors"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := clipcalib.OpenRun(c.dir, c.o)
			if err == nil {
				r.Close()
				t.Fatal("it opens")
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is missing in: %v", w, err)
				}
			}
		})
	}
}

func TestAClassNamedTwiceIsRefused(t *testing.T) {
	_, err := clipcalib.OpenRun(learned(t, prompt.CoOp{}, nil), clipcalib.RunOptions{Classes: []string{"cat", "dog", "cat"}})
	if err == nil || !strings.Contains(err.Error(), `"cat" is named twice`) {
		t.Errorf("opened with %v", err)
	}
}

func TestDriftIsToldWithoutLabels(t *testing.T) {
	dir := adapted(t, adapt.TaskRes{}, nil)
	r := openRun(t, dir, clipcalib.RunOptions{})
	got, err := r.Predict(t.Context(), iconFiles()[:3]...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := run.ReadDrift(dir)
	if err != nil || d == nil || d.Pictures != 3 || d.Rows != 3 {
		t.Fatalf("%+v, %v", d, err)
	}
	low, high := math.Inf(1), 0.0
	for _, p := range got.Pictures {
		low, high = min(low, p.RangeRatio), max(high, p.RangeRatio)
		if want := p.RangeRatio < d.Lower() || p.RangeRatio > d.Upper(); !p.Drift.Known || p.Drift.Drifted != want {
			t.Errorf("%+v, bounds %g to %g", p.Drift, d.Lower(), d.Upper())
		}
	}
	// The training pictures again: their extremes are the statistics' own.
	if math.Abs(low-d.Ratios[0]) > 1e-6 || math.Abs(high-d.Ratios[len(d.Ratios)-1]) > 1e-6 {
		t.Errorf("ratios %g to %g, kept %v", low, high, d.Ratios)
	}
	if got.Drift.Pictures != 3 || got.Drift.Expected != 0.5 || !got.Drift.Known {
		t.Errorf("batch %+v", got.Drift)
	}
	if err := os.Remove(filepath.Join(dir, "drift.json")); err != nil {
		t.Fatal(err)
	}
	if got, err = openRun(t, dir, clipcalib.RunOptions{}).Predict(t.Context(), iconFiles()[0]); err != nil || got.Drift.Known ||
		got.Pictures[0].Drift.Known || !strings.Contains(got.Pictures[0].Drift.Note, "not known") {
		t.Errorf("without statistics: %+v, %v", got, err)
	}
}

func TestPredictionStopsWithItsContext(t *testing.T) {
	dev, err := clipcalib.OpenDevice(clipcalib.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	r := openRun(t, adapted(t, adapt.TaskRes{}, nil), clipcalib.RunOptions{Device: dev})
	release, err := device.Hold(t.Context(), dev)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, stop := context.WithTimeout(t.Context(), 50e6)
	defer stop()
	if _, err := r.Predict(ctx, iconFiles()...); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// One run answers many goroutines at once, of every family, by a handler too.
func TestARunIsSafeForConcurrentUse(t *testing.T) {
	for name, dir := range map[string]string{
		"adapters":  adapted(t, adapt.TaskRes{}, adapt.SaLS{}),
		"prompts":   learned(t, prompt.CoOp{Contexts: 2}, nil),
		"test-time": tuned(t, testtime.TPT{}, nil),
	} {
		r := openRun(t, dir, clipcalib.RunOptions{})
		h, err := clipcalib.NewHandler(r, clipcalib.HandlerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(icon("bus"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := r.Predict(t.Context(), clipcalib.FromBytes("bus", body))
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				got, err := r.Predict(t.Context(), clipcalib.FromBytes("bus", body))
				if err != nil || !same(got.Pictures[0], want.Pictures[0]) {
					t.Errorf("%s: %v", name, err)
				}
			})
			wait.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("POST", "/predict", bytes.NewReader(body)))
				if w.Code != 200 || !strings.Contains(w.Body.String(), `"class":"`+want.Pictures[0].Class+`"`) {
					t.Errorf("%s: status %d, %s", name, w.Code, w.Body)
				}
			})
		}
		wait.Wait()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
