package clipcalib_test

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/cliptest"
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
	if _, err := clipcalib.Adapt(context.Background(), dir, demoModel, shots, m, r,
		adapt.Options{Epochs: 20}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// learned keeps prompts of three shots.
func learned(t testing.TB, m prompt.Method, r adapt.Remedy) string {
	t.Helper()
	model := openDemo(t)
	n := len(shots.Pictures)
	data, err := clipcalib.TrainingData(t.Context(), model, shots.Pictures, shots.Labels, shots.Classes,
		shots.Templates...)
	if err != nil {
		t.Fatal(err)
	}
	o := run.PromptOptions{Model: model, Method: m, Remedy: r, Out: filepath.Join(t.TempDir(), "run"),
		Train: prompt.Options{Epochs: 2},
		Data: prompt.Data{Classes: shots.Classes, Labels: shots.Labels, Features: data.Features,
			Prototypes: data.Prototypes},
		Inputs: run.Inputs{Weights: demoModel, WeightsSHA256: demoIdentity(t),
			Preprocessing: model.Images.Preprocessor().String()},
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
	tuner, err := testtime.NewTuner(t.Context(), model.Images, model.Texts, shots.Classes, m, r,
		testtime.Options{Views: 8, Keep: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	defer tuner.Close()
	dir := filepath.Join(t.TempDir(), "run")
	o := testtime.RunOptions{Dir: dir, Name: "icons", Inputs: testtime.Inputs{WeightsFile: demoModel,
		WeightsSHA256: demoIdentity(t)}}
	for i, path := range shots.Pictures {
		o.Items = append(o.Items, testtime.Item{Key: path, Label: i,
			Open: func() (image.Image, error) { return vit.OpenImage(path) }})
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
		"no folder": {dir: filepath.Join(t.TempDir(), "none"), words: []string{"none", "no run here"}},
		"half written": {dir: copied(remove("adapter.safetensors")), words: []string{"not finished",
			"adapter.safetensors"}},
		"newer": {dir: copied(edit("model.yaml", "version: 1", "version: 99")),
			words: []string{"version 99", "newer"}},
		"flipped": {dir: sealed(edit("model.yaml", "family: adapters", "family: prompts")),
			words: []string{"model.yaml is damaged", "manifest.json"}},
		"weights gone": {dir: copied(edit("model.yaml", "clip-icons-32.pt", "gone.pt")),
			words: []string{"gone.pt", "--weights"}},
		"other weights": {dir: good, o: clipcalib.RunOptions{Weights: other},
			words: []string{"not the model of the run", identity[:12]}},
		"no such weights": {dir: good, o: clipcalib.RunOptions{Weights: "none.pt"}, words: []string{"none.pt"}},
		"other classes": {dir: good, o: clipcalib.RunOptions{Classes: []string{"cat", "dog", "cow"}},
			words: []string{"no others"}},
		"no names": {dir: copied(remove("classes.json")), words: []string{"classes.json"}},
		"unknown remedy": {dir: copied(edit("model.yaml", "family: adapters", "family: sorcery")),
			words: []string{"sorcery"}},
		"bad drift": {dir: copied(edit("drift.json", `"levels": [`, `"levels": [7,`)),
			words: []string{"drift.json", "damaged"}},
		"newer drift": {dir: copied(edit("drift.json", `"version": 2`, `"version": 7`)),
			words: []string{"drift.json", "version 7"}},
		"preprocessing": {dir: copied(edit("model.yaml", "preprocessing: ", "preprocessing: other ")),
			words: []string{"prepared by"}},
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
	dir := learned(t, prompt.CoOp{}, nil)
	for third, want := range map[string]string{"cat": `"cat" is named twice`, "Cat ": `"cat" and "Cat " read alike`} {
		_, err := clipcalib.OpenRun(dir, clipcalib.RunOptions{Classes: []string{"cat", "dog", third}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("opened with %v", err)
		}
	}
}
