package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clipcalib/adapt"
	"clipcalib/internal/npy"
)

func TestTestTimeTuningTakesEveryRemedy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	for _, method := range testtimeNames() {
		for _, r := range adapt.Remedies() {
			out := filepath.Join(dir, method+"-"+r.Name())
			args := []string{"tta", method, "--remedy", r.Name(), "--weights", tinyModel(), "--data", root, "--views", "4",
				"--keep", "0.5", "--out", out}
			o := mustRun(t, append(args, "--json")...)
			var rows []struct {
				Target, Dir, Method, Remedy string
				Metrics                     json.RawMessage
			}
			if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != 1 || rows[0].Target != "colours" ||
				rows[0].Method != method || rows[0].Remedy != r.Name() {
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
		return []string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "64", "--threads", "1", "--out",
			filepath.Join(dir, out)}
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
