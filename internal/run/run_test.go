package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/npy"
	"clipcalib/internal/run"
)

const classes, width = 4, 8

// sample draws features around prototypes; noise spreads them.
func sample(seed uint64, n int, noise float64) adapt.Data {
	rng := rand.New(rand.NewPCG(seed, 0))
	fixed := rand.New(rand.NewPCG(1, 1))
	d := adapt.Data{Features: adapt.NewMatrix(n, width), Prototypes: adapt.NewMatrix(classes, width),
		Labels: make([]int, n)}
	for i := range d.Prototypes.Data {
		d.Prototypes.Data[i] = float32(fixed.NormFloat64())
	}
	for i := range n {
		d.Labels[i] = i % classes
		for j, v := range d.Prototypes.Row(i % classes) {
			d.Features.Row(i)[j] = v + float32(noise*rng.NormFloat64())
		}
	}
	return d
}

func files(t *testing.T) (train, target string) {
	t.Helper()
	dir := t.TempDir()
	train, target = filepath.Join(dir, "train.safetensors"), filepath.Join(dir, "target.safetensors")
	if err := run.WriteFeatures(train, sample(1, 24, 1)); err != nil {
		t.Fatal(err)
	}
	if err := run.WriteFeatures(target, sample(2, 30, 1.5)); err != nil {
		t.Fatal(err)
	}
	return train, target
}

func options(features, out string) run.AdaptOptions {
	return run.AdaptOptions{
		Method: adapt.TaskRes{}, Remedy: adapt.None{}, Features: []string{features}, Out: out,
		Train: adapt.Options{Epochs: 20, Batch: 8, Seed: 3},
	}
}

func train(t *testing.T, o run.AdaptOptions) bool {
	t.Helper()
	trained, err := run.Adapt(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return trained
}

func TestTwoRunsOfOneRecipeAreEqualByteByByte(t *testing.T) {
	features, target := files(t)
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		train(t, options(features, dir))
		if _, err := run.Eval(context.Background(), run.EvalOptions{Run: dir, Features: []string{target},
			Name: "shifted"}); err != nil {
			t.Fatal(err)
		}
	}
	names := list(t, dirs[0])
	if want := list(t, dirs[1]); !slices.Equal(names, want) {
		t.Fatalf("files %v and %v", names, want)
	}
	want := []string{"adapter.safetensors", "drift.json", "log.txt", "manifest.json", "model.yaml", "recipe.yaml",
		"targets/shifted/labels.npy", "targets/shifted/logits.npy", "targets/shifted/manifest.json",
		"targets/shifted/metrics.json", "targets/shifted/target.yaml", "targets/shifted/zero_shot_logits.npy",
		"targets/shifted/zero_shot_metrics.json"}
	if !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	for _, n := range names {
		a, b := read(t, dirs[0], n), read(t, dirs[1], n)
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs", n)
		}
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestARunThatExistsIsNotRepeated(t *testing.T) {
	features, target := files(t)
	dir := filepath.Join(t.TempDir(), "run")
	if !train(t, options(features, dir)) {
		t.Error("the first time did nothing")
	}
	if train(t, options(features, dir)) {
		t.Error("the run was repeated")
	}
	o := options(features, dir)
	o.Train.Seed = 4
	if _, err := run.Adapt(context.Background(), o); err == nil || !strings.Contains(err.Error(), "another recipe") {
		t.Errorf("another recipe in the same folder: error %v", err)
	}
	for _, reused := range []bool{false, true} {
		res, err := run.Eval(context.Background(), run.EvalOptions{Run: dir, Features: []string{target},
			Out: filepath.Join(dir, "out")})
		if err != nil {
			t.Fatal(err)
		}
		if res.Reused != reused || res.Metrics.Accuracy == 0 {
			t.Errorf("reused %v, want %v; accuracy %g", res.Reused, reused, res.Metrics.Accuracy)
		}
	}
}

func TestAnInterruptedRunContinues(t *testing.T) {
	features, _ := files(t)
	whole, parts := t.TempDir(), t.TempDir()
	train(t, options(features, whole))
	ctx, cancel := context.WithCancel(context.Background())
	o := options(features, parts)
	o.Train.Progress = func(p adapt.Progress) {
		if p.Epoch == 7 {
			cancel()
		}
	}
	if _, err := run.Adapt(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	train(t, options(features, parts))
	for _, n := range list(t, whole) {
		if !bytes.Equal(read(t, whole, n), read(t, parts, n)) {
			t.Errorf("%s differs after an interruption", n)
		}
	}
	if slices.Contains(list(t, parts), "checkpoint.safetensors") {
		t.Error("the checkpoint was left behind")
	}
}

func TestATrainedAdapterIsTheStartOfAnother(t *testing.T) {
	features, _ := files(t)
	first, second := t.TempDir(), t.TempDir()
	train(t, options(features, first))
	o := options(features, second)
	o.Init, o.Train.Epochs = filepath.Join(first, "adapter.safetensors"), 1 // at the warm-up rate
	train(t, o)
	a, err := adapt.Load(o.Init)
	if err != nil {
		t.Fatal(err)
	}
	b, err := adapt.Load(filepath.Join(second, "adapter.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range b.Parameters()["residual"].Data {
		if math.Abs(float64(v-a.Parameters()["residual"].Data[i])) > 1e-3 {
			t.Fatalf("value %d: %g, started at %g", i, v, a.Parameters()["residual"].Data[i])
		}
	}
	if _, err := run.Adapt(context.Background(), run.AdaptOptions{
		Method: adapt.CLIPAdapter{}, Features: []string{features}, Out: t.TempDir(), Init: o.Init,
	}); err == nil || !strings.Contains(err.Error(), "clip-adapter trains w1, w2") {
		t.Errorf("initial values of another method: error %v", err)
	}
}

func TestADivergedRunKeepsItsLastGoodState(t *testing.T) {
	features, _ := files(t)
	o := options(features, t.TempDir())
	o.Method, o.Train.LR = adapt.CLIPAdapter{}, 1e30
	err := adaptErr(o)
	var diverged *adapt.Diverged
	if !errors.As(err, &diverged) || !strings.Contains(err.Error(), "last-good-adapter.safetensors") {
		t.Fatalf("error %v, want *adapt.Diverged and the file", err)
	}
	if _, err := adapt.Load(filepath.Join(o.Out, "last-good-adapter.safetensors")); err != nil {
		t.Error(err)
	}
	if _, err := run.Eval(context.Background(), run.EvalOptions{Run: o.Out, Features: []string{features},
		Name: "x"}); err == nil {
		t.Error("a run that diverged was evaluated")
	}
}

func TestEvalWritesWhatItMeasures(t *testing.T) {
	features, target := files(t)
	dir := t.TempDir()
	o := options(features, dir)
	o.Remedy = adapt.SaLS{}
	train(t, o)
	res, err := run.Eval(context.Background(), run.EvalOptions{Run: dir, Features: []string{target},
		Out: filepath.Join(dir, "out")})
	if err != nil {
		t.Fatal(err)
	}
	logits, zs := matrix(t, res.Dir, "logits.npy"), matrix(t, res.Dir, "zero_shot_logits.npy")
	labels, err := npy.ReadLabels(filepath.Join(res.Dir, "labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	if logits.N != 30 || logits.K != classes || len(labels) != 30 {
		t.Fatalf("logits [%d, %d], %d labels", logits.N, logits.K, len(labels))
	}
	for i := range logits.N {
		l, z := logits.Row(i), zs.Row(i)
		if math.Abs(slices.Max(l)-slices.Max(z)) > 1e-4 || math.Abs(slices.Min(l)-slices.Min(z)) > 1e-4 {
			t.Errorf("sample %d: SaLS left the zero-shot range", i)
		}
	}
	m, err := calib.Evaluate(logits, labels, calib.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var onDisk map[string]any
	if err := json.Unmarshal(read(t, res.Dir, "metrics.json"), &onDisk); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"accuracy", "ece", "adaptive_ece", "classwise_ece", "mce", "ace", "nll", "brier",
		"logit_range", "logit_norm"} {
		if _, ok := onDisk[key]; !ok {
			t.Errorf("metrics.json lacks %s", key)
		}
	}
	for key, want := range map[string]any{
		"ece": m.ECE, "accuracy": m.Accuracy, "samples": 30.0, "classes": float64(classes), "bins": 10.0,
		"target": filepath.Base(res.Dir),
	} {
		if onDisk[key] != want {
			t.Errorf("metrics.json has %s %v, want %v", key, onDisk[key], want)
		}
	}
	if onDisk["ece"] != m.ECE || onDisk["accuracy"] != m.Accuracy {
		t.Errorf("metrics.json says %v, the logits %+v", onDisk, m)
	}
}

func matrix(t *testing.T, dir, name string) calib.Matrix {
	t.Helper()
	n, k, values, err := npy.ReadMatrix(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return calib.Matrix{N: n, K: k, Data: values}
}

// TestPrototypesOfATarget: the reference always uses the target's own text
// features; the adapted logits do unless the source's are carried over.
func TestPrototypesOfATarget(t *testing.T) {
	features, _ := files(t)
	other := sample(2, 12, 1)
	for i := range other.Prototypes.Data {
		other.Prototypes.Data[i] += float32(i%3) - 1
	}
	target := filepath.Join(t.TempDir(), "t.safetensors")
	if err := run.WriteFeatures(target, other); err != nil {
		t.Fatal(err)
	}
	for compat, want := range map[adapt.Compat]string{adapt.Textbook: "target", adapt.CLIPCalib: "run"} {
		dir := t.TempDir()
		o := options(features, dir)
		o.Method, o.Train.Compat = adapt.ZeroShot{}, compat
		train(t, o)
		res, err := run.Eval(context.Background(), run.EvalOptions{Run: dir, Features: []string{target}, Name: "t"})
		if err != nil {
			t.Fatal(err)
		}
		if res.Target.Prototypes != want || res.Target.ZeroShot != "target" {
			t.Errorf("%s: prototypes of the %s, reference of the %s", compat, res.Target.Prototypes,
				res.Target.ZeroShot)
		}
		same := bytes.Equal(read(t, res.Dir, "logits.npy"), read(t, res.Dir, "zero_shot_logits.npy"))
		if same != (want == "target") {
			t.Errorf("%s: zero-shot logits equal to the reference: %v", compat, same)
		}
	}
}

func TestATargetWithFewerClasses(t *testing.T) {
	features, _ := files(t)
	dir := t.TempDir()
	train(t, options(features, dir))
	d := sample(2, 12, 1)
	d.Prototypes = adapt.Matrix{}
	for i := range d.Labels {
		d.Labels[i] %= 2
	}
	res, err := run.Eval(context.Background(), run.EvalOptions{Run: dir, Data: &d, Classes: []int{3, 1}, Name: "two"})
	if err != nil {
		t.Fatal(err)
	}
	if l := matrix(t, res.Dir, "logits.npy"); l.K != 2 {
		t.Errorf("%d columns, want 2", l.K)
	}
}
