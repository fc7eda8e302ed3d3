package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"clipcalib/internal/exitcode"
)

// TestLanesMakeTheSameGrid trains a grid of adapters and prompts one cell after
// another and side by side.
func TestLanesMakeTheSameGrid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set, other := folderSet(t, filepath.Join(dir, "set"), 3, 2), folderSet(t, filepath.Join(dir, "other"), 1, 2)
	grid := func(jobs string, code int, more ...string) (string, []cellResult) {
		out := filepath.Join(dir, "jobs"+jobs)
		cells := gridOf(t, code, append([]string{"adapt", "taskres,clap,coop,kgcoop", "--remedy", "none,penalty,sals",
			"--seed", "1,2", "--shots", "1", "--weights", tinyModel(), "--bank", filepath.Join(out, "bank"), "--epochs",
			"2",
			"--views", "1", "--data", set, "--targets", set + "," + other, "--out", filepath.Join(out, "runs"),
			"--threads", "4",
			"--jobs", jobs, "--tensorboard", filepath.Join(out, "events")}, more...)...)
		withoutFolder(cells, out)
		return out, cells
	}
	one, want := grid("1", 0)
	side, got := grid("4", 0)
	if n := states(want); n[cellTrained] != 16 || n[cellShared] != 8 {
		t.Errorf("one after another: %v", n)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("side by side: %+v, one after another %+v", got, want)
	}
	for i, c := range want {
		sameFiles(t, filepath.Join(one, c.Run), filepath.Join(side, c.Run))
		for _, at := range []string{one, side} {
			if found := listing(t, filepath.Join(at, "events", filepath.Base(c.Run))); len(found) == 0 {
				t.Errorf("cell %d: no events in %s", i, at)
			}
		}
	}
	// One that fails stops no other, and one that is gone is made again.
	bad, gone := filepath.Join(side, got[0].Run), filepath.Join(side, got[5].Run)
	if err := errors.Join(os.RemoveAll(bad), os.RemoveAll(gone)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, bad, nil) // in the place of the run
	_, again := grid("4", exitcode.Failed)
	if n := states(again); n[cellKept] != 22 || n[cellFailed] != 1 || again[0].State != cellFailed ||
		n[cellTrained]+n[cellShared] != 1 {
		t.Errorf("again: %v", n)
	}
	sameFiles(t, filepath.Join(one, want[5].Run), gone)
	alone := []string{"adapt", "zslp", "--epochs", "2", "--data", set, "--weights", tinyModel(), "--bank",
		filepath.Join(one, "bank"), "--out", one + "alone", "--jobs", "2"}
	if o := mustRun(t, alone...); !strings.Contains(o.err, "--jobs 2: there is one training") {
		t.Error(o.err)
	}
	fails(t, []string{"table", "prompts", "--logits", dir, "--jobs", "2"}, "--jobs")
	fails(t, []string{"adapt", "zslp", "--seed", "1,2", "--data", set, "--weights", tinyModel(), "--out", one + "x",
		"--jobs", "-1"}, "--jobs")
}

// TestLanesTuneTheSame tunes at test time one run after another and side by side.
func TestLanesTuneTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set, other := folderSet(t, filepath.Join(dir, "set"), 1, 2), folderSet(t, filepath.Join(dir, "other"), 1, 1)
	writeFile(t, filepath.Join(other, "test", "grass", "bad.png"), []byte("no picture"))
	grid := func(jobs string) (string, []cellResult) {
		out := filepath.Join(dir, "jobs"+jobs)
		o := command("tta", "tpt,c-tpt", "--remedy", "none,sals", "--start", "phrase,fpp", "--set", "start.steps=3",
			"--weights", tinyModel(), "--bank", filepath.Join(out, "bank"), "--data", set, "--data", other,
			"--views", "4", "--out", filepath.Join(out, "runs"), "--threads", "4", "--jobs", jobs, "--tensorboard",
			filepath.Join(out, "events"), "--json")
		var got struct{ Cells []cellResult }
		if err := json.Unmarshal([]byte(o.out), &got); err != nil || o.code != exitcode.Partial || len(got.Cells) != 8 {
			t.Fatalf("%v, %d cells, exit code %d: %s%s", err, len(got.Cells), o.code, o.out, o.err)
		}
		for _, c := range got.Cells {
			if n := strings.Count(o.err, ": "+c.Cell+"\n"); n != 1 {
				t.Errorf("jobs %s: cell %s is named %d times: %s", jobs, c.Cell, n, o.err)
			}
		}
		if n := strings.Count(o.err, "skipped: "); n != 1 {
			t.Errorf("jobs %s: a picture that cannot be read is named %d times", jobs, n)
		}
		withoutFolder(got.Cells, out)
		return out, got.Cells
	}
	one, want := grid("1")
	side, got := grid("3")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("side by side: %+v, one after another %+v", got, want)
	}
	sameFiles(t, filepath.Join(one, "runs"), filepath.Join(side, "runs"))
}

// withoutFolder cuts the folder off the paths in results.
func withoutFolder(cells []cellResult, dir string) {
	for i := range cells {
		cells[i].Run = strings.TrimPrefix(cells[i].Run, dir)
		for k, t := range cells[i].Targets {
			t.Dir, t.Run = strings.TrimPrefix(t.Dir, dir), strings.TrimPrefix(t.Run, dir)
			cells[i].Targets[k] = t
		}
	}
}

// TestInterruptedLanesGoOnToTheSameBytes stops three trainings at once.
func TestInterruptedLanesGoOnToTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train := makeClusters(20, 40, 64, 1, 1).write(t, filepath.Join(dir, "train.safetensors"))
	args := func(out string) []string {
		return []string{"adapt", "taskres,clip-adapter", "--remedy", "zs-norm", "--seed", "1,2", "--features", train,
			"--epochs", "300", "--batch", "64", "--threads", "3", "--jobs", "3", "--targets", train,
			"--out", filepath.Join(dir, out)}
	}
	begun := func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "broken", "*", "recipe.yaml"))
		return len(found) >= 3
	}
	var since time.Time
	interrupted(t, interrupt(t, func() bool {
		if since.IsZero() && begun() {
			since = time.Now()
		}
		return !since.IsZero() && time.Since(since) > 100*time.Millisecond
	}, args("broken")...))
	if done, _ := filepath.Glob(filepath.Join(dir, "broken", "*", "adapter.safetensors")); len(done) > 2 {
		t.Errorf("%d of 4 were done before", len(done))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "broken", "*", ".lock")); len(left) > 0 {
		t.Errorf("locks are left: %v", left)
	}
	mustRun(t, args("broken")...)
	mustRun(t, args("whole")...)
	sameFiles(t, filepath.Join(dir, "broken"), filepath.Join(dir, "whole"))
}
