package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/npy"
	"clipcalib/weights"
)

// foreignDir holds adapters as the public implementations save them, and the
// logits of their formulas; see adapt/testdata/make_foreign.py.
var foreignDir = filepath.Join("..", "..", "adapt", "testdata", "foreign")

// foreignFeatures is the feature file that the foreign adapters classify.
func foreignFeatures(t *testing.T) (path string, logits map[string][]float64) {
	t.Helper()
	var g struct {
		Classes, Width       int
		Features, Prototypes []float32
		Labels               []int64
		Logits               map[string][]float64
	}
	if err := json.Unmarshal(readFile(t, filepath.Join(foreignDir, "..", "foreign.json")), &g); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "target.safetensors")
	err := weights.WriteSafetensors(path, []weights.NamedTensor{
		{Name: "features", Shape: []int{len(g.Labels), g.Width}, Data: g.Features},
		{Name: "text_features", Shape: []int{g.Classes, g.Width}, Data: g.Prototypes},
		{Name: "labels", Shape: []int{len(g.Labels)}, DType: weights.I64, Ints: g.Labels},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return path, g.Logits
}

func sameLogits(t *testing.T, path string, want []float64) {
	t.Helper()
	n, k, got, err := npy.ReadMatrix(path)
	if err != nil || n*k != len(want) {
		t.Fatalf("%s: [%d, %d], want %d logits: %v", path, n, k, len(want), err)
	}
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-5*max(1, math.Abs(w)) {
			t.Fatalf("%s: logit %d is %g, want %g", path, i, got[i], w)
		}
	}
}

func TestForeignAdaptersAreEvaluatedAsRuns(t *testing.T) {
	features, logits := foreignFeatures(t)
	dir := t.TempDir()
	tip := []string{"--set", "alpha=1.17", "--set", "beta=2"}
	for name, more := range map[string][]string{
		"clipcalib-tr.pth.tar-300":     {"--method", "taskres"},
		"clipcalib-zs.pth.tar-300":     {"--method", "zslp"},
		"clipcalib-clipa.pth.tar-300":  nil,
		"clipcalib-tipa-f.pth.tar-300": nil,
		"taskres.pth.tar-100":          nil,
		"clip-adapter.pth.tar-200":     nil,
		"keys_2shots.pt":               append([]string{"--method", "tip-adapter"}, tip...),
		"best_F_2shots.pt":             tip,
	} {
		out := filepath.Join(dir, name)
		args := append([]string{"eval", filepath.Join(foreignDir, name), "--features", features, "--out", out}, more...)
		o := mustRun(t, args...)
		if !strings.Contains(o.err, "what the file does not say is taken as: method: ") {
			t.Errorf("%s: what was assumed is not said: %s", name, o.err)
		}
		sameLogits(t, filepath.Join(out, "targets", "target", "logits.npy"), logits[name])
		mustRun(t, args...) // a second time
		mustRun(t, "runs", "verify", out)
	}
	mustRun(t, "report", dir, "--format", "text")
	file := func(name string) string { return filepath.Join(foreignDir, name) }
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{[]string{"eval", file("clipcalib-tr.pth.tar-300"), "--features", features, "--out", filepath.Join(dir, "x")},
			[]string{"--method taskres"}},
		{[]string{"eval", file("clipcalib-zs.pth.tar-300"), "--method", "taskres", "--features", features, "--out",
			filepath.Join(dir, "x")}, []string{"no residual of taskres"}},
		{[]string{"eval", file("taskres.pth.tar-100"), "--features", features}, []string{"--out"}},
		{[]string{"eval", file("taskres.pth.tar-100"), "--features", features, "--out", filepath.Join(dir, "x"),
			"--set", "beta=2"}, []string{"--set", "beta", "alpha"}},
		{[]string{"eval", filepath.Join(dir, "taskres.pth.tar-100"), "--method", "zslp", "--features", features},
			[]string{"--method", "has its own"}},
		{[]string{"eval", filepath.Join(dir, "taskres.pth.tar-100", "adapter.safetensors"), "--features", features,
			"--out", filepath.Join(dir, "x")}, []string{"name the run's folder"}},
	} {
		fails(t, c.args, c.words...)
	}
}

// The reference's logits.pt and target.pt, half precision and a gradient's flag.
func TestTheReferencesLogitsAreCalibrated(t *testing.T) {
	o := mustRun(t, "calibrate", "--logits", filepath.Join(foreignDir, "logits.pt"), "--labels",
		filepath.Join(foreignDir, "target.pt"), "--json")
	var m map[string]any
	if err := json.Unmarshal([]byte(o.out), &m); err != nil || m["accuracy"] == nil {
		t.Errorf("%v: %s", err, o.out)
	}
}

// An adapter that was trained here, in TaskRes's file, gives the same logits on
// pictures, and serves as a start.
func TestAForeignAdapterOnPictures(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	ours := filepath.Join(dir, "ours")
	train := func(out string, more ...string) []string {
		return append([]string{"adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "2", "--views",
			"2", "--epochs", "3", "--out", out}, more...)
	}
	mustRun(t, train(ours, "--compat", "clipcalib")...)
	mustRun(t, "eval", ours, "--data", root)
	_, _, want, err := npy.ReadMatrix(filepath.Join(ours, "targets", "colours", "logits.npy"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(filepath.Join(ours, "adapter.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tensors []weights.NamedTensor
	for from, to := range map[string]string{"text_features": "base_text_features",
		"residual": "text_feature_residuals"} {
		x, _ := f.Lookup(from)
		v, err := x.Float32()
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, weights.NamedTensor{Name: to, Shape: x.Shape, Data: v})
	}
	theirs := filepath.Join(dir, "model.pth.tar-3")
	if err := weights.WritePyTorch(theirs, tensors, weights.TorchOptions{}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "theirs")
	mustRun(t, "eval", theirs, "--weights", tinyModel(), "--data", root, "--out", out)
	sameLogits(t, filepath.Join(out, "targets", "colours", "logits.npy"), want)
	mustRun(t, "predict", out, filepath.Join(root, "test", "grass", "00.png"))
	started := filepath.Join(dir, "started")
	mustRun(t, train(started, "--init", theirs)...)
	fails(t, train(filepath.Join(dir, "x"), "--init", filepath.Join(foreignDir, "best_F_2shots.pt")),
		"no adapter of method taskres")
	two := filepath.Join(dir, "two")
	for _, class := range []string{"grass", "red_rose"} {
		writePNG(t, filepath.Join(two, class, "a.png"), picture(1, 1))
	}
	fails(t, []string{"eval", theirs, "--weights", tinyModel(), "--data", two, "--out", filepath.Join(dir, "y")},
		"for 3 classes", "used for 2 classes")
}

func TestPrototypesInFloat16AreOfferedAndRecorded(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	train := func(out string, more ...string) []string {
		return append([]string{"adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "2", "--views",
			"2", "--epochs", "2", "--out", out}, more...)
	}
	half := filepath.Join(dir, "half")
	mustRun(t, train(half, "--compat", "clipcalib", "--float16-prototypes")...)
	recipe := string(readFile(t, filepath.Join(half, "recipe.yaml")))
	for _, want := range []string{"float16_prototypes: true", "prototype precision: float16 (asked for)"} {
		if !strings.Contains(recipe, want) {
			t.Errorf("the recipe lacks %q:\n%s", want, recipe)
		}
	}
	f, err := weights.Open(filepath.Join(half, "adapter.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, _ := f.Lookup("text_features")
	values, err := x.Float32()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if _, e := math.Frexp(float64(v)); math.Mod(float64(v), math.Ldexp(1, max(e-1, -14)-10)) != 0 {
			t.Fatalf("the prototypes hold %g, which is no float16", v)
		}
	}
	mustRun(t, "eval", half, "--data", root)
	// The reference on the same classes is of the same prototypes.
	same := string(readFile(t, filepath.Join(half, "targets", "colours", "target.yaml")))
	if !strings.Contains(same, "float16_prototypes: true") {
		t.Errorf("the target does not say it: %s", same)
	}
	fails(t, train(filepath.Join(dir, "x"), "--float16-prototypes"), "--compat clipcalib")
	fails(t, learn(root, filepath.Join(dir, "x"), "coop", "--float16-prototypes"), "for adapters")
}
