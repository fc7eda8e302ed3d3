package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/npy"
	"clipcalib/internal/run"
)

// classTables writes text features of 4 classes tuned on and of 5 new ones,
// which tuning has moved away from them.
func classTables(t *testing.T, dir string) calib.ClassFeatures {
	t.Helper()
	table := func(n int, seed, away float64) calib.Matrix {
		m := calib.NewMatrix(n, 6)
		for i := range m.Data {
			m.Data[i] = float64(float32(math.Sin(seed*float64(i+1)) + away))
		}
		return m
	}
	f := calib.ClassFeatures{ZeroShotBase: table(4, 1, 1), TunedBase: table(4, 1.1, 1), ZeroShotNew: table(5, 2, 1),
		TunedNew: table(5, 2.1, 0)}
	if err := run.WriteClassFeatures(dir, f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCalibrateScalesByDistance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, _, y := logitFiles(t, dir, 60, 5)
	tables := filepath.Join(dir, "text")
	f := classTables(t, tables)
	out := filepath.Join(dir, "scaled.npy")
	args := []string{"calibrate", "--logits", l, "--labels", y, "--remedy", "dac", "--class-features", tables,
		"--neighbours", "3"}
	var said struct {
		Remedy string
		DAC    struct {
			Neighbours     int
			LeastFactor    float64 `json:"least_factor"`
			GreatestFactor float64 `json:"greatest_factor"`
		}
	}
	o := mustRun(t, append(args, "--out", out, "--json")...)
	if err := json.Unmarshal([]byte(o.out), &said); err != nil {
		t.Fatal(err)
	}
	factors, err := calib.DACFactors(f, 3)
	if err != nil {
		t.Fatal(err)
	}
	n, k, data, err := npy.ReadMatrix(l)
	if err != nil {
		t.Fatal(err)
	}
	want, err := calib.DAC(calib.Matrix{N: n, K: k, Data: data}, factors)
	if err != nil {
		t.Fatal(err)
	}
	_, _, got, err := npy.ReadMatrix(out)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range want.Data {
		if math.Abs(got[i]-v) > 1e-5*(1+math.Abs(v)) {
			t.Fatalf("logit %d is %g, want %g", i, got[i], v)
		}
	}
	if said.Remedy != "dac" || said.DAC.Neighbours != 3 || said.DAC.LeastFactor >= 1 ||
		said.DAC.GreatestFactor < said.DAC.LeastFactor {
		t.Errorf("said %+v", said)
	}
	plain := metricsIn(t, []byte(mustRun(t, "calibrate", "--logits", l, "--labels", y, "--json").out))
	if after := metricsIn(t, []byte(o.out)); after["accuracy"] != plain["accuracy"] ||
		after["logit_range"] >= plain["logit_range"] {
		t.Errorf("accuracy %g and range %g, before %g and %g", after["accuracy"], after["logit_range"],
			plain["accuracy"], plain["logit_range"])
	}
	if text := mustRun(t, args...).out; !strings.Contains(text, "of 3 neighbours") {
		t.Errorf("printed %s", text)
	}

	three, _, few := logitFiles(t, filepath.Join(dir, "three"), 20, 3)
	empty := filepath.Join(dir, "empty")
	writeFile(t, filepath.Join(empty, "zero_shot_base.npy"), []byte("hello"))
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{[]string{"--logits", l, "--labels", y}, []string{"--class-features"}},
		{[]string{"--logits", l, "--labels", y, "--class-features", filepath.Join(dir, "absent")},
			[]string{"--class-features", "zero_shot_base.npy", "no such file"}},
		{[]string{"--logits", l, "--labels", y, "--class-features", empty},
			[]string{"--class-features", "zero_shot_base.npy"}},
		{[]string{"--logits", three, "--labels", few, "--class-features", tables}, []string{"5 new classes",
			"3 columns"}},
		{[]string{"--logits", l, "--labels", y, "--class-features", tables, "--neighbours", "0"},
			[]string{"--neighbours"}},
	} {
		failsClean(t, dir, append([]string{"calibrate", "--remedy", "dac"}, c.args...), c.words...)
	}
}

// TestEvalScalesByDistance: on classes that were not trained on, what eval does
// is what calibrate makes of eval's tables, and stands beside the run without a
// remedy in a report; on the training's own it changes nothing.
func TestEvalScalesByDistance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	list := filepath.Join(root, "new.tsv")
	writeFile(t, list, []byte("test/grass/00.png\t0\tmoss\ntest/red_rose/00.png\t1\tblood\ntest/grass/01.png\t0\tmoss\n"))
	out := filepath.Join(dir, "run")
	mustRun(t, learn(root, out, "coop", "--vectors", "2", "--lr", "5")...)
	mustRun(t, "eval", out, "--data", list, root)
	var rows []struct {
		Target, Dir, Remedy string
		Metrics             json.RawMessage
	}
	o := mustRun(t, "eval", out, "--data", list, root, "--remedy", "dac", "--neighbours", "2", "--json")
	if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != 2 || rows[0].Remedy != "dac" ||
		rows[0].Target != "new-dac" {
		t.Fatalf("%v: %s", err, o.out)
	}
	plain := filepath.Join(out, "targets", "new")
	again := mustRun(t, "calibrate", "--logits", filepath.Join(plain, "logits.npy"), "--labels",
		filepath.Join(plain, "labels.npy"),
		"--remedy", "dac", "--class-features", filepath.Join(rows[0].Dir, "class_features"), "--neighbours", "2",
		"--json")
	want := metricsIn(t, []byte(again.out))
	for key, v := range metricsIn(t, rows[0].Metrics) {
		if math.Abs(v-want[key]) > 1e-5*(1+math.Abs(v)) {
			t.Errorf("%s is %g, calibrate says %g", key, v, want[key])
		}
	}
	if same(t, plain, rows[0].Dir) {
		t.Error("new classes: the logits are those without a remedy")
	}
	if !same(t, filepath.Join(out, "targets", "colours"), rows[1].Dir) {
		t.Error("the training's classes: other logits than without a remedy")
	}
	if table := mustRun(t, "report", out, "--format", "text").out; !strings.Contains(table, "+ DAC") ||
		strings.Contains(table, "new-dac") {
		t.Errorf("the report:\n%s", table)
	}
	before := times(t, out)
	mustRun(t, "eval", out, "--data", list, root, "--remedy", "dac", "--neighbours", "2")
	if times(t, out) != before {
		t.Error("an evaluation that exists was repeated")
	}

	sals, adapter, image := filepath.Join(dir, "sals"), filepath.Join(dir, "adapter"), filepath.Join(dir, "cocoop")
	mustRun(t, learn(root, sals, "coop", "--vectors", "2", "--remedy", "sals")...)
	mustRun(t, learn(root, image, "cocoop")...)
	mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "2", "--views", "-1",
		"--epochs", "2", "--out", adapter)
	for run, words := range map[string][]string{sals: {"without a remedy", "sals"}, adapter: {"learned prompts"},
		image: {"cocoop", "image to image"}} {
		fails(t, []string{"eval", run, "--data", root, "--remedy", "dac"}, words...)
	}
	fails(t, []string{"eval", out, "--data", list, "--remedy", "dac", "--neighbours", "0"}, "--neighbours")
}

// same reports whether two evaluations have the same logits.
func same(t *testing.T, a, b string) bool {
	t.Helper()
	return string(readFile(t, filepath.Join(a, "logits.npy"))) == string(readFile(t, filepath.Join(b, "logits.npy")))
}
