package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/npy"
)

// metricKeys are what every metrics file and calibrate --json have.
var metricKeys = []string{"accuracy", "ece", "adaptive_ece", "classwise_ece", "mce", "ace", "nll", "brier",
	"logit_range", "logit_norm"}

// metricsIn decodes a metrics object and checks its keys.
func metricsIn(t *testing.T, raw []byte) map[string]float64 {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	m := map[string]float64{}
	for _, k := range metricKeys {
		v, ok := all[k].(float64)
		if !ok {
			t.Fatalf("no number %s in %s", k, raw)
		}
		m[k] = v
	}
	return m
}

// featureFiles are a training and a drifted test file of 4 classes.
func featureFiles(t *testing.T, dir string) (train, test string) {
	train = makeClusters(4, 8, 16, 0.3, 1).write(t, filepath.Join(dir, "train.safetensors"))
	test = makeClusters(4, 10, 16, 1.2, 2).write(t, filepath.Join(dir, "test.safetensors"))
	return train, test
}

func TestEveryMethodTakesEveryRemedyFromFeatures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	zeroShot := ""
	for _, m := range adapt.Methods() {
		both, err := adapt.ParseRemedy("zs-norm+sals")
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range append(adapt.PaperRemedies(), both) {
			out := filepath.Join(dir, m.Name()+"-"+r.Name())
			compat := []string{"textbook", "clipcalib"}[i%2]
			mustRun(t, "adapt", m.Name(), "--remedy", r.Name(), "--compat", compat, "--features", train, "--epochs",
				"3", "--out", out, "-q")
			to := filepath.Join(out, "on-test")
			o := mustRun(t, "eval", out, "--features", test, "--out", to, "--json", "-q")
			var rows []struct {
				Method, Remedy string
				Metrics        json.RawMessage
			}
			if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != 1 ||
				rows[0].Method != m.Name() || rows[0].Remedy != r.Name() {
				t.Fatalf("%v: %s", err, o.out)
			}
			got := metricsIn(t, rows[0].Metrics)
			kept := metricsIn(t, readFile(t, filepath.Join(to, "metrics.json")))
			if fmt.Sprint(got) != fmt.Sprint(kept) {
				t.Errorf("%s: metrics printed %v and kept %v", out, got, kept)
			}
			if got["accuracy"] < 0.5 {
				t.Errorf("%s: accuracy %.2f of classes that lie apart", out, got["accuracy"])
			}
			n, k, _, err := npy.ReadMatrix(filepath.Join(to, "logits.npy"))
			if err != nil || n != 40 || k != 4 {
				t.Errorf("%s: logits [%d, %d], %v", out, n, k, err)
			}
			// The reference is the same whatever was trained.
			if zs := string(readFile(t, filepath.Join(to, "zero_shot_logits.npy"))); zeroShot == "" {
				zeroShot = zs
			} else if zs != zeroShot {
				t.Errorf("%s: other zero-shot logits", out)
			}
		}
	}
}

func TestEvalWritesFloat32LogitsAndInt64Labels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	mustRun(t, "adapt", "zslp", "--features", train, "--epochs", "2", "--out", filepath.Join(dir, "run"))
	to := filepath.Join(dir, "to")
	mustRun(t, "eval", filepath.Join(dir, "run"), "--features", test, "--out", to)
	for name, header := range map[string]string{
		"logits.npy":           "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 4), }",
		"zero_shot_logits.npy": "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 4), }",
		"labels.npy":           "{'descr': '<i8', 'fortran_order': False, 'shape': (40,), }",
	} {
		if raw := string(readFile(t, filepath.Join(to, name))); !strings.Contains(raw[:128], header) {
			t.Errorf("%s has header %q", name, raw[:128])
		}
	}
	labels, err := npy.ReadLabels(filepath.Join(to, "labels.npy"))
	if err != nil || len(labels) != 40 || labels[0] != 0 || labels[39] != 3 {
		t.Errorf("labels %v, %v", labels, err)
	}
}

// sameFiles compares two folders byte for byte.
func sameFiles(t *testing.T, a, b string) {
	t.Helper()
	if x, y := listing(t, a), listing(t, b); !slices.Equal(x, y) {
		t.Errorf("%s and %s differ:\n%s\n%s", a, b, strings.Join(x, "\n"), strings.Join(y, "\n"))
	}
}

func TestTwoRunsOfOneRecipeAreEqualByteByByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	for _, method := range []string{"taskres", "clip-adapter", "tip-adapter-f", "clap"} {
		var runs []string
		for _, name := range []string{"a", "b"} {
			out := filepath.Join(dir, method, name)
			mustRun(t, "adapt", method, "--remedy", "penalty", "--features", train, "--epochs", "4", "--batch", "8",
				"--seed", "3", "--out", out)
			mustRun(t, "eval", out, "--features", test)
			runs = append(runs, out)
		}
		sameFiles(t, runs[0], runs[1])
		other := filepath.Join(dir, method, "c")
		mustRun(t, "adapt", method, "--remedy", "penalty", "--features", train, "--epochs", "4", "--batch", "8",
			"--seed", "4", "--out", other)
		if string(readFile(t, filepath.Join(other, "adapter.safetensors"))) == string(readFile(t,
			filepath.Join(runs[0], "adapter.safetensors"))) {
			t.Errorf("%s: another seed gave the same parameters", method)
		}
	}
}

func TestARunThatExistsIsNotRepeated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	out := filepath.Join(dir, "run")
	args := []string{"adapt", "taskres", "--features", train, "--epochs", "3", "--out", out}
	mustRun(t, args...)
	mustRun(t, "eval", out, "--features", test)
	before := times(t, out)
	if o := mustRun(t, args...); !strings.Contains(o.err, "holds this run already") {
		t.Errorf("the second time: %s", o.err)
	}
	if o := mustRun(t, append(args, "--json")...); !strings.Contains(o.out, `"trained": false`) {
		t.Errorf("the third time: %s", o.out)
	}
	mustRun(t, "eval", out, "--features", test)
	if after := times(t, out); before != after {
		t.Errorf("files were written again:\n%s\n%s", before, after)
	}
	failsClean(t, dir, []string{"adapt", "taskres", "--features", train, "--epochs", "4", "--out", out}, out,
		"another recipe")
	failsClean(t, dir, []string{"adapt", "zslp", "--features", train, "--epochs", "3", "--out", out}, out,
		"another recipe")
}

func times(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if info, err := d.Info(); err == nil {
			fmt.Fprintln(&b, path, info.ModTime().UnixNano())
		}
		return err
	})
	return b.String()
}

func TestEvalFollowsChangedLabels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "1", "--views", "-1",
		"--epochs", "2", "--out", out)
	list := filepath.Join(dir, "list.tsv")
	line := func(k, label int) string {
		return filepath.Join(root, "test", colours[k].name, "00.png") + "\t" + fmt.Sprint(label) + "\t" +
			colours[label].name + "\n"
	}
	accuracy := func() float64 {
		o := mustRun(t, "eval", out, "--data", list, "--json")
		var rows []struct {
			Metrics struct{ Accuracy, NLL float64 }
		}
		if err := json.Unmarshal([]byte(o.out), &rows); err != nil {
			t.Fatal(err)
		}
		return rows[0].Metrics.NLL
	}
	writeFile(t, list, []byte(line(0, 0)+line(1, 1)+line(2, 2)))
	right := accuracy()
	writeFile(t, list, []byte(line(0, 1)+line(1, 2)+line(2, 0)))
	if wrong := accuracy(); wrong == right {
		t.Errorf("the evaluation of other labels was taken for that of the first: %g", wrong)
	}
}

// TestUnderscoresInPrompts: the reference's adapter code leaves them in.
func TestUnderscoresInPrompts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := folderSet(t, filepath.Join(dir, "set"), 2, 2)
	entries, err := os.ReadDir(set)
	if err != nil {
		t.Fatal(err)
	}
	first := entries[0].Name()
	if err := os.Rename(filepath.Join(set, first), filepath.Join(set, first+"_cat")); err != nil {
		t.Fatal(err)
	}
	for compat, want := range map[string]string{"textbook": first + " cat", "clipcalib": first + "_cat"} {
		out := filepath.Join(dir, compat)
		mustRun(t, "adapt", "taskres", "--compat", compat, "--weights", tinyModel(), "--data", set, "--shots", "1",
			"--views", "-1",
			"--epochs", "1", "--out", out)
		if o := string(readFile(t, filepath.Join(out, "classes.json"))); !strings.Contains(o, "photo of a "+want+".") {
			t.Errorf("%s: %s", compat, o)
		}
		mustRun(t, "eval", out, "--weights", tinyModel(), "--data", set)
	}
}
