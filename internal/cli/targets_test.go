package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/npy"
	"clipcalib/internal/run"
)

// samplesIn counts the samples in a target's folder.
func samplesIn(t *testing.T, dir string) int {
	t.Helper()
	n, _, _, err := npy.ReadMatrix(filepath.Join(dir, "logits.npy"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Two data sets whose folders have one name: each has its own results, finds
// them again, and only the one that was learnt from is the source.
func TestDataSetsOfOneNameAreKeptApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	photos := folderSet(t, filepath.Join(dir, "photos", "colours"), 2, 2)
	sketches := folderSet(t, filepath.Join(dir, "sketches", "colours"), 1, 3)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", photos, "--shots", "2", "--views", "-1",
		"--epochs", "2", "--out", out)
	type row struct{ Target, Dir string }
	eval := func(sets ...string) (rows []row, said string) {
		o := mustRun(t, append([]string{"eval", out, "--json", "--data"}, sets...)...)
		if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != len(sets) {
			t.Fatalf("%v: %s", err, o.out)
		}
		return rows, o.err
	}
	first, _ := eval(sketches)
	second, said := eval(photos)
	if first[0].Target != "colours" || samplesIn(t, first[0].Dir) != 9 || samplesIn(t, second[0].Dir) != 6 ||
		first[0].Dir == second[0].Dir {
		t.Fatalf("results in %+v and %+v", first, second)
	}
	if !strings.Contains(said, "holds other data of that name") || !strings.Contains(said, second[0].Dir) {
		t.Errorf("said %q", said)
	}
	before := times(t, out)
	if both, _ := eval(photos, sketches); both[0] != second[0] || both[1] != first[0] {
		t.Errorf("in another order: %+v", both)
	}
	if times(t, out) != before {
		t.Error("an evaluation that exists was repeated")
	}

	if twice := mustRun(t, "eval", out, "--data", photos, photos+"/"); strings.Contains(twice.out, "–") ||
		!strings.Contains(twice.err, "named twice") {
		t.Errorf("a set named twice: %s%s", twice.out, twice.err)
	}

	var rows []struct {
		Method, Target string
		Source         bool
	}
	if err := json.Unmarshal([]byte(mustRun(t, "report", out, "--json").out), &rows); err != nil {
		t.Fatal(err)
	}
	sources := map[string]bool{}
	for _, r := range rows {
		sources[r.Target] = r.Source
	}
	for i, d := range []string{first[0].Dir, second[0].Dir} {
		ev, err := run.ReadEvaluation(d)
		if err != nil {
			t.Fatal(err)
		}
		column := "colours (" + ev.Target.Inputs.DataSHA256[:8] + ")"
		if source, ok := sources[column]; !ok || source != (i == 1) {
			t.Errorf("column %q: there %v, source %v; all %v", column, ok, source, sources)
		}
	}
}

// Runs that measured different sets of one name share no column either.
func TestReportKeepsSetsOfOneNameInSeveralRunsApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train := folderSet(t, filepath.Join(dir, "source"), 1, 1)
	for i, place := range []string{"a", "b"} {
		set := folderSet(t, filepath.Join(dir, place, "colours"), 1, 2+i)
		out := filepath.Join(dir, "runs", place)
		mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", train, "--shots", "1", "--views", "-1",
			"--epochs", "2", "--out", out)
		mustRun(t, "eval", out, "--data", set)
		if n := samplesIn(t, filepath.Join(out, "targets", "colours")); n != 3*(2+i) {
			t.Errorf("%s: %d samples", place, n)
		}
	}
	var rows []struct{ Target string }
	if err := json.Unmarshal([]byte(mustRun(t, "report", filepath.Join(dir, "runs"), "--json").out),
		&rows); err != nil {
		t.Fatal(err)
	}
	columns := map[string]int{}
	for _, r := range rows {
		columns[r.Target]++
	}
	if len(columns) != 2 || columns["colours"] != 0 {
		t.Errorf("columns %v, want two with a hash each", columns)
	}
}

func TestTuningKeepsDataSetsOfOneNameApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "run")
	args := []string{"tta", "tpt", "--weights", tinyModel(), "--views", "4", "--keep", "0.5", "--out", out, "--json",
		"--data"}
	var dirs []string
	for i, place := range []string{"a", "b"} {
		set := folderSet(t, filepath.Join(dir, place, "colours"), 1, 1+i)
		for range 2 { // the second time it is there
			var rows []struct{ Dir string }
			if err := json.Unmarshal([]byte(mustRun(t, append(args, set)...).out), &rows); err != nil {
				t.Fatal(err)
			}
			if n := samplesIn(t, rows[0].Dir); n != 3*(1+i) {
				t.Errorf("%s: %d samples in %s", place, n, rows[0].Dir)
			}
			dirs = append(dirs, rows[0].Dir)
		}
	}
	if dirs[0] != dirs[1] || dirs[2] != dirs[3] || dirs[0] == dirs[2] {
		t.Errorf("results in %q", dirs)
	}
}

func TestFeatureFilesOfOneNameAreKeptApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, _ := featureFiles(t, dir)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--features", train, "--epochs", "2", "--out", out)
	for i, place := range []string{"a", "b", "a", "b"} {
		target := makeClusters(4, 2+i%2, 16, 0.3, 7).write(t, filepath.Join(dir, place, "target.safetensors"))
		mustRun(t, "eval", out, "--features", target)
	}
	evals, err := run.Evaluations(out)
	if err != nil || len(evals) != 2 || len(evals[0].Labels) != 8 || len(evals[1].Labels) != 12 {
		t.Errorf("%d evaluations, %v", len(evals), err)
	}
}

// A fold that is tuned on is called as eval calls it, so that both are one column;
// what earlier versions put under the set's name alone is found there and kept.
func TestTuningNamesTheFold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 1)
	if err := os.Rename(filepath.Join(folderSet(t, filepath.Join(dir, "others"), 1, 2), "test"),
		filepath.Join(root, "val")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "run")
	tuned := func(sets ...string) {
		mustRun(t, append([]string{"tta", "tpt", "--weights", tinyModel(), "--views", "2", "--out", out, "--data"},
			strings.Split(strings.Join(sets, " --data "), " ")...)...)
	}
	fold := filepath.Join(out, "targets", "colours-val")
	tuned(root+"#val", root)
	if samplesIn(t, fold) != 6 || samplesIn(t, filepath.Join(out, "targets", "colours")) != 3 {
		t.Error("the fold and the test part are not under their names")
	}

	if err := os.RemoveAll(filepath.Join(out, "targets", "colours")); err != nil {
		t.Fatal(err)
	}
	earlier := filepath.Join(out, "targets", "colours")
	if err := os.Rename(fold, earlier); err != nil {
		t.Fatal(err)
	}
	before := times(t, filepath.Join(earlier, "logits.npy"))
	tuned(root + "#val")
	if _, err := os.Stat(fold); err == nil || times(t, filepath.Join(earlier, "logits.npy")) != before {
		t.Error("results of an earlier version were made again")
	}
}
