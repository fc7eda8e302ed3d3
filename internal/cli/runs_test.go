package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/npy"
	"clipcalib/internal/run"
)

// damages are ways in which a file stops being what was written.
var damages = map[string]func(raw []byte) []byte{
	"emptied": func([]byte) []byte { return nil },
	"flipped": func(raw []byte) []byte {
		out := append([]byte(nil), raw...)
		out[len(out)*2/3] ^= 1
		return out
	},
}

// TestADamagedFileIsNamedByEveryReader: report never invents a row.
func TestADamagedFileIsNamedByEveryReader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--features", train, "--epochs", "4", "--out", out)
	mustRun(t, "eval", out, "--features", test)
	if o := mustRun(t, "runs", "verify", out); !strings.Contains(o.out, "1 runs, 1 evaluations") ||
		!strings.Contains(o.out, "0 faults") {
		t.Errorf("a sound run: %s", o.out)
	}
	report := []string{"report", out, "--format", "md"}
	eval := []string{"eval", out, "--features", test}
	verify := []string{"runs", "verify", out, "-q"}
	for _, c := range []struct {
		file    string
		readers [][]string
	}{
		{"adapter.safetensors", [][]string{eval}},
		{"recipe.yaml", [][]string{eval, report, {"runs", "show", out}}},
		{"model.yaml", nil},
		{"log.txt", nil},
		{"targets/test/target.yaml", [][]string{report, {"runs", "show", out}}},
		{"targets/test/logits.npy", [][]string{report, {"runs", "compare", out, out}}},
		{"targets/test/zero_shot_logits.npy", [][]string{report}},
		{"targets/test/labels.npy", [][]string{report}},
		{"targets/test/metrics.json", [][]string{report}},
		{"targets/test/manifest.json", [][]string{report}},
		{"manifest.json", nil},
	} {
		path := filepath.Join(out, filepath.FromSlash(c.file))
		good := readFile(t, path)
		for how, damage := range damages {
			if err := os.WriteFile(path, damage(good), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, args := range c.readers {
				if o := command(args...); o.code != 1 || o.out != "" || !strings.Contains(o.err,
					filepath.Base(c.file)) {
					t.Errorf("%s %s: clipcalib %s: exit code %d, %q, %q", c.file, how, strings.Join(args, " "), o.code,
						o.out, o.err)
				}
			}
			if o := command(verify...); o.code != 1 || !strings.Contains(o.out, filepath.Base(c.file)) {
				t.Errorf("%s %s: verify: exit code %d: %s", c.file, how, o.code, o.out)
			}
			if _, err := run.ReadModel(out); !strings.Contains(c.file, "/") && err == nil {
				t.Errorf("%s %s: ReadModel takes it", c.file, how)
			}
			if err := os.WriteFile(path, good, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What eval can make anew it does, and says so.
	logits := filepath.Join(out, "targets", "test", "logits.npy")
	good := readFile(t, logits)
	if err := os.WriteFile(logits, damages["flipped"](good), 0o644); err != nil {
		t.Fatal(err)
	}
	if o := mustRun(t, eval...); !strings.Contains(o.err, "logits.npy is damaged") ||
		string(readFile(t, logits)) != string(good) {
		t.Errorf("eval of a damaged evaluation: %s", o.err)
	}
	mustRun(t, verify...)
}

func TestAnOlderRunIsUnverifiedAndItsFiguresAreChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--features", train, "--epochs", "4", "--out", out)
	mustRun(t, "eval", out, "--features", test)
	target := filepath.Join(out, "targets", "test")
	for _, d := range []string{out, target} {
		if err := os.Remove(filepath.Join(d, "manifest.json")); err != nil {
			t.Fatal(err)
		}
	}
	if o := mustRun(t, "runs", "verify", out); strings.Count(o.out, "unverified: ") != 2 {
		t.Errorf("%s", o.out)
	}
	mustRun(t, "report", out, "--format", "text")
	n, k, values, err := npy.ReadMatrix(filepath.Join(target, "logits.npy"))
	if err != nil {
		t.Fatal(err)
	}
	changed := make([]float32, len(values))
	for i, v := range values {
		changed[i] = 2 * float32(v)
	}
	if err := npy.WriteFile(filepath.Join(target, "logits.npy"), changed, n, k); err != nil {
		t.Fatal(err)
	}
	if o := command("runs", "verify", out); o.code != 1 || !strings.Contains(o.out, "metrics.json is damaged: ece is") {
		t.Errorf("exit code %d: %s", o.code, o.out)
	}
}

func TestRunsListShowAndCompare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := evaluatedRuns(t, dir)
	var listed []listedRun
	if err := json.Unmarshal([]byte(mustRun(t, "runs", "list", runs, "--remedy", "sals", "--json").out),
		&listed); err != nil || len(listed) != 2 {
		t.Fatalf("%+v, %v", listed, err)
	}
	if strings.Join(listed[0].Targets, " ") != "test train" || listed[0].Method != "clip-adapter" {
		t.Errorf("%+v", listed[0])
	}
	if text := mustRun(t, "runs", "list", runs, "--target", "nowhere").out; strings.Count(text, "\n") != 1 {
		t.Errorf("%s", text)
	}
	if text := mustRun(t, "runs", "show", listed[0].Run).out; !strings.Contains(text, "remedy") ||
		!strings.Contains(text, "range") {
		t.Errorf("%s", text)
	}
	// Of one recipe each, in folders of their own.
	for _, name := range []string{"none", "sals"} {
		for _, seed := range []string{"1", "2"} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(runs, name+seed), filepath.Join(dir, name, seed)); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, b := filepath.Join(dir, "none"), filepath.Join(dir, "sals")
	args := []string{"runs", "compare", a, b, "--json", "--draws", "500"}
	o := mustRun(t, args...)
	var got struct {
		Targets []struct {
			Target     string
			Seeds      []string
			A, B       map[string]struct{ Mean float64 }
			Difference map[string]calib.Difference
		}
	}
	if err := json.Unmarshal([]byte(o.out), &got); err != nil || len(got.Targets) != 2 {
		t.Fatalf("%s: %v", o.out, err)
	}
	for _, target := range got.Targets {
		if strings.Join(target.Seeds, "") != "12" {
			t.Errorf("seeds %v", target.Seeds)
		}
		for _, key := range []string{"accuracy", "ece", "nll", "brier", "logit_range"} {
			d := target.Difference[key]
			if want := target.B[key].Mean - target.A[key].Mean; math.Abs(d.Value-want) > 1e-12 || d.Low > d.High ||
				d.IncludesZero != (d.Low <= 0 && d.High >= 0) {
				t.Errorf("%s on %s: %+v, want a difference of %g", key, target.Target, d, want)
			}
		}
		// SaLS keeps every argmax: no draw has another accuracy.
		if d := target.Difference["accuracy"]; d.Low != 0 || d.High != 0 || !d.IncludesZero {
			t.Errorf("accuracy on %s: %+v", target.Target, d)
		}
	}
	if again := mustRun(t, args...); again.out != o.out {
		t.Error("the same draws gave another answer")
	}
	if text := mustRun(t, "runs", "compare", a, b, "--draws", "100").out; !strings.Contains(text, "includes zero") {
		t.Errorf("%s", text)
	}
	fails(t, []string{"runs", "compare", dir, a}, "several recipes", "remedy (none, sals)")
}

func TestOtherSamplesAreNotCompared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	other := makeClusters(4, 30, 16, 9, 1).write(t, filepath.Join(dir, "other", "test.safetensors"))
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for out, target := range map[string]string{a: test, b: other} {
		from := train
		if out == b {
			from = other
		}
		mustRun(t, "adapt", "taskres", "--features", from, "--epochs", "2", "--out", out)
		mustRun(t, "eval", out, "--features", target)
	}
	fails(t, []string{"runs", "compare", a, b}, a, b, "other pictures")
}
