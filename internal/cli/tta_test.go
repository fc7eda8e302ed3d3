package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/npy"
	"clipcalib/internal/run"
)

func TestTestTimeTuningTakesEveryRemedy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	for _, method := range testtimeNames() {
		for _, name := range append(tuningRemedyNames(), "zs-norm+sals") {
			r, err := adapt.ParseRemedy(name)
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, method+"-"+r.Name())
			args := []string{"tta", method, "--remedy", r.Name(), "--weights", tinyModel(), "--data", root, "--views",
				"4", "--keep", "0.5", "--out", out}
			for _, s := range map[string][]string{"a-tpt": {"sign=minimise"}, "soc": {"method.lambda=5",
				"delta=0.3"}}[method] {
				args = append(args, "--set", s)
			}
			o := mustRun(t, append(args, "--json")...)
			var rows []struct {
				Target, Dir, Method, Remedy string
				Metrics                     json.RawMessage
			}
			if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != 1 ||
				rows[0].Target != "colours" || rows[0].Method != method || rows[0].Remedy != r.Name() {
				t.Fatalf("%v: %s", err, o.out)
			}
			metricsIn(t, rows[0].Metrics)
			for _, name := range []string{"logits.npy", "zero_shot_logits.npy"} {
				if n, k, _, err := npy.ReadMatrix(filepath.Join(rows[0].Dir, name)); err != nil || n != 6 || k != 3 {
					t.Errorf("%s: %s is [%d, %d], %v", out, name, n, k, err)
				}
			}
			before := times(t, out)
			if o := mustRun(t, args...); !strings.Contains(o.out, "colours") {
				t.Errorf("printed %s", o.out)
			}
			if times(t, out) != before {
				t.Errorf("%s: a run that exists was repeated", out)
			}
		}
	}
	if o := mustRun(t, "report", filepath.Join(dir, "tpt-sals"), "--format", "text"); !strings.Contains(o.out, "SaLS") {
		t.Errorf("report of test-time tuning:\n%s", o.out)
	}
}

func TestInterruptedTestTimeTuningGoesOnToTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 100)
	args := func(out string) []string {
		return []string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "64", "--threads", "1",
			"--out", filepath.Join(dir, out)}
	}
	broken := filepath.Join(dir, "broken")
	o := interrupt(t, exists(filepath.Join(broken, "targets", "colours"), 50*time.Millisecond), args("broken")...)
	interrupted(t, o)
	mustRun(t, args("broken")...)
	mustRun(t, args("whole")...)
	sameFiles(t, broken, filepath.Join(dir, "whole"))
}

func TestTestTimeTuningRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	long := filepath.Join(root, "long.tsv")
	writeFile(t, long, []byte("test/grass/00.png\t0\t"+strings.Repeat("very ", 100)+"long\n"))
	blank := filepath.Join(root, "blank.tsv")
	writeFile(t, blank, []byte("test/grass/00.png\t0\t\x01\n"))
	for i, c := range []struct {
		args  []string
		words []string
	}{
		{[]string{"tta"}, []string{"out"}},
		{[]string{"tta", "tptt", "--weights", tinyModel(), "--data", root}, []string{"tptt", "c-tpt"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--remedy", "x"}, []string{"x", "sals"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "-1"}, []string{"view"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--keep", "2"}, []string{"2"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--lr", "-1"}, []string{"-1"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", long}, []string{"very very", "77"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", blank}, []string{"class", "no tokens"}},
		{[]string{"tta", "tpt", "--weights", filepath.Join(dir, "absent.pt"), "--data", root}, []string{"absent.pt"}},
		{[]string{"tta", "tpt", "--data", root}, []string{"--weights"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--start", "ffp"}, []string{"ffp", "fpp"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--start", "fpp", "--set", "steps=0"},
			[]string{"steps"}},
		{[]string{"tta", "a-tpt", "--weights", tinyModel(), "--data", root}, []string{"sign is required"}},
		{[]string{"tta", "soc", "--weights", tinyModel(), "--data", root, "--set", "lambda=1"},
			[]string{"delta is required"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--remedy", "tcpt"},
			[]string{"learned prompts"}},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--remedy", "sals+penalty"},
			[]string{"penalty+sals"}},
	} {
		args := c.args
		if len(args) > 1 {
			args = append(args, "--out", filepath.Join(dir, fmt.Sprint("run", i)))
		}
		t.Run(strings.Join(c.args, " "), func(t *testing.T) { failsClean(t, dir, args, c.words...) })
	}
}

func TestTestTimeTuningLeavesOutPicturesItCannotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	writeFile(t, filepath.Join(root, "test", "grass", "01.png"), nil)
	args := []string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "4", "--keep", "0.5", "--out",
		filepath.Join(dir, "run")}
	o := partly(t, args...)
	for _, w := range []string{"grass/01.png", "1 of 6 pictures"} {
		if !strings.Contains(o.err, w) {
			t.Errorf("no %q in %s", w, o.err)
		}
	}
	fails(t, append(args, "--strict", "--seed", "1", "--out", filepath.Join(dir, "strict")), "01.png")
}

// A picture has the same views in tta, under another name, and in predict.
func TestPredictSaysWhatTuningSaid(t *testing.T) {
	t.Parallel()
	predictSaysWhatTuningSaid(t)
}

// Vectors that FPP learned are in the run's folder, and predict starts from them.
func TestPredictStartsFromWhatFPPLearned(t *testing.T) {
	t.Parallel()
	out := predictSaysWhatTuningSaid(t, "--start", "fpp", "--set", "start.steps=4", "--set", "start.lr=0.2")
	kept, err := filepath.Glob(filepath.Join(out, "fpp-*.safetensors"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("vectors kept: %v, %v", kept, err)
	}
	if m := string(readFile(t, filepath.Join(out, "model.yaml"))); !strings.Contains(m, "steps: 4") {
		t.Errorf("model.yaml does not say how the start was learned:\n%s", m)
	}
	writeFile(t, kept[0], readFile(t, tinyModel()))
	fails(t, []string{"predict", out, filepath.Join(out, "..", "colours", "test", "grass", "00.png")}, "fpp")
}

// predictSaysWhatTuningSaid tunes with more flags and returns the run's folder.
func predictSaysWhatTuningSaid(t *testing.T, more ...string) string {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	first := filepath.Join(root, "test", "grass", "00.png")
	writeFile(t, filepath.Join(root, "test", "grass", "99.png"), readFile(t, first))
	out := filepath.Join(dir, "run")
	mustRun(t, append([]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "8", "--lr", "0.5",
		"--out", out}, more...)...)
	rows, err := csv.NewReader(bytes.NewReader(readFile(t, filepath.Join(out, "targets", "colours",
		"rows.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	ev, err := run.ReadEvaluation(filepath.Join(out, "targets", "colours"))
	if err != nil || len(rows) != ev.Logits.N+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	want, err := calib.Softmax(ev.Logits)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	var pictures []string
	for i, r := range rows[1:] {
		pictures = append(pictures, filepath.Join(root, "test", r[1]))
		if _, err := os.Stat(pictures[i]); err != nil {
			pictures[i] = filepath.Join(root, r[1])
		}
		at[filepath.Base(filepath.Dir(r[1]))+"/"+filepath.Base(r[1])] = i
	}
	for i, p := range predictJSON(t, mustRun(t, append([]string{"predict", out, "--json"},
		pictures...)...)).Predictions {
		top := p.Prediction.Top[0]
		if got := want.Row(i)[top.Label]; math.Abs(got-top.Confidence) > 1e-5 {
			t.Errorf("%s: predict says %g, tta %g", p.Name, top.Confidence, got)
		}
	}
	if a, b := ev.Logits.Row(at["grass/00.png"]), ev.Logits.Row(at["grass/99.png"]); !slices.Equal(a, b) {
		t.Errorf("one picture under two names: %v and %v", a, b)
	}
	return out
}

// A run of an older version, whose views went by paths, is read and predicted
// with, and not gone on with.
func TestAnOlderTuningIsReadAndNotGoneOnWith(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	out := filepath.Join(dir, "run")
	args := []string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "4", "--out", out}
	mustRun(t, args...)
	for _, name := range []string{"recipe.yaml", "model.yaml"} {
		path := filepath.Join(out, name)
		text := regexp.MustCompile(`(?m)^ *view_key: .*\n`).ReplaceAll(readFile(t, path), nil)
		if len(text) == len(readFile(t, path)) {
			t.Fatalf("%s says no view_key", name)
		}
		writeFile(t, path, text)
	}
	if err := os.Remove(filepath.Join(out, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	fails(t, args, "views by its path", "pixels", "choose another")
	mustRun(t, "predict", out, filepath.Join(root, "test"))
	mustRun(t, "runs", "show", out)
}

func TestTuningCutsLongNamesOnRequest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 1)
	list := filepath.Join(root, "long.tsv")
	writeFile(t, list, []byte("test/grass/00.png\t0\tgrass "+strings.Repeat("very ", 100)+"long\n"+
		"test/red_rose/00.png\t1\trose\n"))
	out := filepath.Join(dir, "run")
	args := []string{"tta", "tpt", "--weights", tinyModel(), "--data", list, "--views", "4", "--out", out}
	fails(t, args, "--truncate")
	if o := mustRun(t, append(args, "--truncate")...); !strings.Contains(o.err,
		`cut to 77 tokens: "a photo of a grass`) {
		t.Error(o.err)
	}
	mustRun(t, "predict", out, filepath.Join(root, "test", "red_rose", "00.png"))
	fails(t, append(args, "--truncate", "--context", strings.Repeat("photo ", 80), "--out", out+"2"), "context",
		"shorten")
}
