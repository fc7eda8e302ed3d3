package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib"
	"clipcalib/calib"
	"clipcalib/internal/run"
)

// withFold keeps a run on colours that has been evaluated on a validation fold of
// so many pictures a colour.
func withFold(t *testing.T, method string, each int) (dir, root string) {
	t.Helper()
	dir, root = trained(t, method, "--remedy", "sals")
	for k, c := range colours {
		for i := range each {
			// Named as the training pictures are.
			writePNG(t, filepath.Join(root, "val", c.name, fmt.Sprintf("%02d.png", i)), picture(k, 500+i))
		}
	}
	mustRun(t, "eval", dir, "--data", root+"#val", "-q")
	return dir, root
}

type covered struct {
	Predictions []struct {
		Name       string
		Prediction clipcalib.Summary
	}
	Coverage *clipcalib.Coverage
}

func TestPredictGivesSetsOfACoverage(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"taskres", "coop"} {
		dir, root := withFold(t, method, 4)
		test := filepath.Join(root, "test")
		var got covered
		o := mustRun(t, "predict", dir, test, "--coverage", "0.8", "--json", "--top", "3")
		if err := json.Unmarshal([]byte(o.out), &got); err != nil {
			t.Fatal(err)
		}
		if c := got.Coverage; c == nil || c.Coverage != 0.8 || c.Samples != 12 || c.Score != calib.LAC ||
			!strings.Contains(c.Note, "not under drift") {
			t.Fatalf("%s: %+v", method, got.Coverage)
		}
		// The sets are those of calib on the same logits.
		ev, err := run.Calibration(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := calib.FitConformal(ev.Logits, ev.Labels, calib.ConformalOptions{Coverage: 0.8})
		if err != nil || c.Threshold != got.Coverage.Threshold {
			t.Fatalf("threshold %v, want %v (%v)", got.Coverage.Threshold, c.Threshold, err)
		}
		for _, p := range got.Predictions {
			want := 0
			for _, top := range p.Prediction.Top {
				if 1-top.Confidence <= c.Threshold {
					want++
				}
			}
			if s := p.Prediction.Set; s == nil || len(s.Classes) != want || s.Assured == (*p.Prediction.Drift.Drifted) {
				t.Errorf("%s, %s: %+v, want %d classes", method, p.Name, p.Prediction.Set, want)
			}
		}
		// A picture of the fold is told from others, whatever its place.
		o = mustRun(t, "predict", dir, filepath.Join(root, "val"), "--coverage", "0.8", "--json")
		if err := json.Unmarshal([]byte(o.out), &got); err != nil {
			t.Fatal(err)
		}
		for _, p := range got.Predictions {
			if s := p.Prediction.Set; s.Assured || !strings.Contains(s.Note, "calibrated on") {
				t.Errorf("%s of the fold: %+v", p.Name, s)
			}
		}
		rows, err := csv.NewReader(strings.NewReader(mustRun(t, "predict", dir, test, "--coverage", "0.8",
			"--csv").out)).
			ReadAll()
		if err != nil || strings.Join(rows[0][10:], " ") != "drifted in_set set_size set_assured" {
			t.Errorf("%v, %v", rows[0], err)
		}
		if text := mustRun(t, "predict", dir, test, "--coverage", "0.8").out; !strings.Contains(text, "\tset: ") {
			t.Error(text)
		}
		// Without, nothing is different from before.
		if o := mustRun(t, "predict", dir, test, "--json"); strings.Contains(o.out, `"set"`) ||
			strings.Contains(o.out, `"coverage"`) {
			t.Error(o.out)
		}
	}
}

func TestCoverageIsRefusedWhereNothingFollows(t *testing.T) {
	t.Parallel()
	dir, root := withFold(t, "taskres", 2) // of 6 pictures
	mustRun(t, "eval", dir, "--data", root+"#train", "-q")
	test := filepath.Join(root, "test")
	for _, c := range []struct {
		code  int
		args  []string
		words []string
	}{
		{1, []string{"--coverage", "0.9"}, []string{"6", "at least 9", "0.9"}},
		{2, []string{"--coverage", "0"}, []string{"--coverage 0"}},
		{2, []string{"--coverage", "1"}, []string{"--coverage 1"}},
		{2, []string{"--coverage", "NaN"}, []string{"--coverage NaN"}},
		{2, []string{"--calibration", "x"}, []string{"--coverage"}},
		{2, []string{"--coverage", "0.8", "--score", "top"}, []string{"--score top", "raps"}},
		{1, []string{"--coverage", "0.8", "--calibration", filepath.Join(dir, "none")}, []string{"none",
			"clipcalib eval"}},
		{1, []string{"--coverage", "0.8", "--calibration", trainTarget(t, dir)}, []string{"learnt from"}},
	} {
		args := append([]string{"predict", dir, test}, c.args...)
		o := command(args...)
		if o.code != c.code || o.out != "" {
			t.Errorf("%v: exit code %d, want %d: %s%s", c.args, o.code, c.code, o.out, o.err)
		}
		for _, w := range c.words {
			if !strings.Contains(o.err, w) {
				t.Errorf("%v: %q lacks %q", c.args, o.err, w)
			}
		}
	}
	// Test-time tuning and other runs have no fold of their own.
	other, _ := trained(t, "taskres")
	if o := command("predict", other, test, "--coverage", "0.8"); o.code != 1 || !strings.Contains(o.err, "#val") {
		t.Errorf("no fold: exit code %d, %s", o.code, o.err)
	}
}

// trainTarget is the evaluation that is not of the validation fold.
func trainTarget(t *testing.T, dir string) string {
	t.Helper()
	evs, err := run.Evaluations(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range evs {
		if !e.Target.IsValidation() {
			return e.Dir
		}
	}
	t.Fatal("none")
	return ""
}
