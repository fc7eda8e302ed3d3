package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/exitcode"
)

// planned makes a plan and returns its file.
func planned(t *testing.T, dir string, args ...string) string {
	t.Helper()
	path := filepath.Join(dir, "plan.jsonl")
	mustRun(t, append(append([]string{"plan"}, args...), "--out", path, "-q")...)
	return path
}

// doCells does cells of a plan and returns what it says of them.
func doCells(t *testing.T, code int, args ...string) []cellResult {
	t.Helper()
	return gridOf(t, code, append([]string{"run"}, args...)...)
}

// collectedAs gathers the results of a plan.
func collectedAs(t *testing.T, code int, args ...string) (c collection) {
	t.Helper()
	o := command(append(append([]string{"collect"}, args...), "--json", "-q")...)
	if err := json.Unmarshal([]byte(o.out), &c); err != nil || o.code != code {
		t.Fatalf("%v, exit code %d, want %d: %s%s", err, o.code, code, o.out, o.err)
	}
	return c
}

func TestAPlanInShardsIsTheGrid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	args := []string{"adapt", "zslp,tip-adapter-f,clap", "--remedy", "none,sals,penalty", "--seed", "1,2", "--set",
		"lambda=5", "--lr", "0.01,0.1", "--features", train, "--targets", test, "--epochs", "2"}
	path := planned(t, dir, args...)
	if again := planned(t, in("again"), args...); string(readFile(t, again)) != string(readFile(t, path)) {
		t.Error("the same plan twice differs")
	}
	scratch := []string{"--out", in("results"), "--scratch", in("scratch")}
	for _, shard := range []string{"2/5", "0/5", "4/5", "1/5"} {
		doCells(t, 0, append([]string{path, "--shard", shard}, scratch...)...)
	}
	// What is missing is said, and how to do it.
	c := collectedAs(t, exitcode.TryAgain, path, "--out", in("results"))
	if c.Counts[cellDone] != 29 || c.Counts[cellMissing] != 7 || c.Remaining[0].Number != 21 {
		t.Errorf("%+v", c)
	}
	if o := command("collect", path, "--out", in("results")); !strings.Contains(o.err, "not done: 21-27;") ||
		!strings.Contains(o.out, "ZS-LP") {
		t.Errorf("%s%s", o.out, o.err)
	}
	cells := doCells(t, 0, append([]string{path}, scratch...)...)
	if n := states(cells); n[cellKept] != 29 || n[cellDone] != 7 {
		t.Errorf("the rest: %v", n)
	}
	collectedAs(t, 0, path, "--out", in("results"), "--runs", in("runs"), "--tables", in("tables"))
	mustRun(t, append(args, "-q", "--out", in("grid"))...)
	sameFiles(t, in("runs"), in("grid"))
	if text := string(readFile(t, in("tables/table.md"))); !strings.Contains(text, "Tip-Adapter-F") {
		t.Error(text)
	}
	if left, err := os.ReadDir(in("scratch")); err != nil || len(left) != 1 {
		t.Errorf("scratch: %v, %v", left, err)
	}
	// A result's own folder serves as a run.
	mustRun(t, "runs", "verify", cells[0].Run)
	mustRun(t, "eval", cells[0].Run, "--features", test, "--out", in("o"))
	// From now on it is known how long a cell takes.
	o := mustRun(t, "plan", path, "--measured", in("results"), "--out", in("timed.jsonl"))
	if !strings.Contains(o.err, "36 of them take about") {
		t.Error(o.err)
	}
	if cells := doCells(t, 0, append([]string{in("timed.jsonl")}, scratch...)...); states(cells)[cellKept] != 36 {
		t.Error("an estimate makes another cell")
	}
}

func TestAPlanOnPicturesIsTheGrid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	set, other := folderSet(t, in("set"), 3, 2), folderSet(t, in("other"), 1, 2)
	model := []string{"--weights", tinyModel(), "--bank", in("bank")}
	trained := append([]string{"adapt", "taskres,coop", "--remedy", "none,sals", "--shots", "1,2", "--views", "1",
		"--epochs", "2", "--data", set, "--targets", set, "--targets", other}, model...)
	tuned := append([]string{"tta", "tpt,c-tpt", "--seed", "1,2", "--views", "4", "--data", set, "--data", other},
		model...)
	both := planned(t, in("both"), planned(t, in("a"), trained...), planned(t, in("b"), tuned...))
	cells := doCells(t, 0, both, "--out", in("results"), "--scratch", in("scratch"), "--bank", in("bank"))
	if n := states(cells); len(cells) != 16 || n[cellDone] != 16 {
		t.Errorf("%v", n)
	}
	c := collectedAs(t, 0, both, "--out", in("results"), "--runs", in("runs"))
	if c.Counts[cellDone] != 16 {
		t.Errorf("%+v", c)
	}
	mustRun(t, append(trained, "-q", "--out", in("grid"))...)
	mustRun(t, append(tuned, "-q", "--out", in("grid"))...)
	sameFiles(t, in("runs"), in("grid"))
	mustRun(t, "predict", cells[0].Run, filepath.Join(set, "test", "grass", "00.png"))
	// Another file at the path is refused, for good.
	writePNG(t, filepath.Join(set, "test", "grass", "more.png"), picture(1, 7))
	cells = doCells(t, exitcode.Failed, both, "--cell", "2", "--out", in("new"), "--scratch", in("scratch"))
	if !strings.Contains(cells[0].Error, "is not what was planned") || cells[0].State != cellFailed {
		t.Errorf("%+v", cells)
	}
	cells = doCells(t, exitcode.Failed, both, "--cell", "2", "--out", in("new"), "--scratch", in("scratch"))
	if cells[0].State != cellBefore {
		t.Errorf("%+v", cells)
	}
	os.Remove(filepath.Join(set, "test", "grass", "more.png"))
	if c := collectedAs(t, exitcode.TryAgain, both, "--out", in("new")); c.Counts[cellFailed] != 1 ||
		!strings.Contains(c.Remaining[2].What, "is not what was planned") {
		t.Errorf("%+v", c)
	}
	// Another place is the same cell.
	if err := os.Mkdir(in("else"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(set, in("else/set")); err != nil {
		t.Fatal(err)
	}
	cells = doCells(t, 0, both, "--cell", "2", "--again", "--map", set+"="+in("else/set"), "--out", in("new"),
		"--scratch", in("scratch"), "--bank", in("bank"))
	if cells[0].State != cellDone {
		t.Errorf("%+v", cells)
	}
}

func TestEncodedPartsMakeTheBank(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	set := folderSet(t, in("set"), 1, 5)
	writeFile(t, filepath.Join(set, "test", "grass", "bad.png"), []byte("no picture"))
	plan := []string{"encode", "--weights", tinyModel(), "--data", set, "--rows", "3", "--parts", "4", "--bank",
		in("cache")}
	path := planned(t, dir, plan...)
	for shard, code := range map[string]int{"1/2": exitcode.Partial, "0/2": 0} {
		doCells(t, code, path, "--shard", shard, "--out", in("results"), "--scratch", in("scratch"))
	}
	c := collectedAs(t, exitcode.Partial, path, "--out", in("results"), "--bank", in("bank"))
	if c.LeftOut != 1 || !strings.Contains(c.Partial[0].What, "bad.png") {
		t.Errorf("%+v", c)
	}
	// Only the picture that cannot be read is tried again.
	o := partly(t, "zeroshot", "--weights", tinyModel(), "--data", set, "--bank", in("bank"), "--out", in("z"))
	if !strings.Contains(o.err, "15 features from the bank") {
		t.Error(o.err)
	}
	// Parts are the same whoever does them.
	doCells(t, exitcode.Partial, path, "--out", in("one"), "--scratch", in("scratch"))
	collectedAs(t, exitcode.Partial, path, "--out", in("one"), "--bank", in("one-bank"))
	os.RemoveAll(in("bank/contents")) // of zeroshot
	sameFiles(t, in("bank"), in("one-bank"))
	fails(t, append(append([]string{"plan"}, plan...), "--parts", "7", "--out", in("p")), "--parts 7", "--rows")
	// Changed pictures are refused by the part that has them.
	writePNG(t, filepath.Join(set, "test", "blue_sky", "00.png"), picture(2, 1))
	for shard, code := range map[string]int{"0/4": exitcode.Failed, "3/4": exitcode.Partial} {
		cells := doCells(t, code, path, "--shard", shard, "--out", in("new"), "--scratch", in("scratch"))
		if code == exitcode.Failed && !strings.Contains(cells[0].Error, "not what was planned") {
			t.Errorf("%+v", cells)
		}
	}
}

func TestWhatAPlanCannotDoIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	train, test := featureFiles(t, dir)
	path := planned(t, dir, "adapt", "zslp", "--seed", "1,2", "--features", train, "--targets", test, "--epochs", "1")
	results := []string{"--out", in("results"), "--scratch", in("scratch")}
	fails(t, []string{"plan", in("none.jsonl")}, "no such file", "clipcalib plan adapt")
	fails(t, []string{"plan", train}, "line 1")
	fails(t, []string{"plan", "adapt", "zslp", "--features", train}, "--out")
	fails(t, []string{"plan", "adapt", "zslp", "--features", in("none"), "--out", in("p")}, "--features", "none")
	fails(t, []string{"plan", "adapt", "zslp", "--features", train, "--out", in("p"), "--record", in("r")}, "--record")
	fails(t, []string{"plan", "adapt", "zslpp", "--features", train, "--out", in("p")}, "zslpp")
	fails(t, []string{"plan", "tta", "tpt", "--weights", tinyModel(), "--data", in("none"), "--out", in("p")}, "none")
	fails(t, append([]string{"run", path, "--cell", "2"}, results...), "cell 2", "0 to 1")
	fails(t, append([]string{"run", path, "--shards", "2"}, results...), "--shard I/N")
	fails(t, append([]string{"run", path, "--map", "x"}, results...), "FROM=TO")
	fails(t, []string{"run", path, "--cell", "0", "--out", filepath.Join(train, "x"), "--scratch", in("s")},
		"not a directory")
	fails(t, []string{"collect", path, "--out", in("results"), "--bank", in("b")}, "--bank")
	if c := collectedAs(t, exitcode.TryAgain, path, "--out", in("none")); c.Counts[cellMissing] != 2 {
		t.Errorf("%+v", c)
	}
	mustRun(t, append([]string{"run", path, "-q"}, results...)...)
	// A damaged result is found, marked, and made again.
	logits, err := filepath.Glob(in("results/cells/*/*/*/targets/test/logits.npy"))
	if err != nil || len(logits) != 2 {
		t.Fatalf("%q, %v", logits, err)
	}
	raw := readFile(t, logits[0])
	raw[len(raw)-1] ^= 1
	writeFile(t, logits[0], raw)
	if c := collectedAs(t, exitcode.TryAgain, path, "--out", in("results")); c.Counts[cellDamaged] != 1 {
		t.Errorf("%+v", c)
	}
	if n := states(doCells(t, 0, append([]string{path}, results...)...)); n[cellDone] != 1 || n[cellKept] != 1 {
		t.Errorf("%v", n)
	}
	collectedAs(t, 0, path, "--out", in("results"))
	// Of two results one counts.
	mustRun(t, "run", path, "-q", "--out", in("twice"), "--scratch", in("scratch"))
	for _, id := range glob(t, in("twice/cells/*")) {
		for _, attempt := range glob(t, id+"/*") {
			to := filepath.Join(in("results"), "cells", filepath.Base(id), filepath.Base(attempt))
			if err := os.Rename(attempt, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Features in one batch come to the same parameters under every seed.
	if c := collectedAs(t, 0, path, "--out", in("results")); c.Twice != 2 || len(c.Notes) != 1 ||
		!strings.Contains(c.Notes[0], "have the same parameters under seeds 1 and 2") {
		t.Errorf("%+v", c)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found
}

func TestAPlanBecomesScripts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	train, _ := featureFiles(t, dir)
	path := planned(t, dir, "adapt", "zslp", "--seed", "1,2,3,4", "--features", train, "--epochs", "1")
	mustRun(t, "plan", path, "-q", "--slurm", in("submit.sh"), "--shards", "2", "--at-once", "1", "--results",
		in("results"))
	script := string(readFile(t, in("submit.sh")))
	for _, want := range []string{"tasks=2\n", "%1", "clipcalib run " + path, "--out " + in("results"), "--shards 2",
		"--mem=4096M"} {
		if !strings.Contains(script, want) {
			t.Errorf("no %q in\n%s", want, script)
		}
	}
	if info, err := os.Stat(in("submit.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("%v, %v", info, err)
	}
	if strings.Contains(script, "--time=") {
		t.Error("a time limit out of nothing")
	}
	// Estimates become limits.
	mustRun(t, "run", path, "--cell", "0", "-q", "--out", in("results"), "--scratch", in("scratch"))
	mustRun(t, "plan", path, "-q", "--measured", in("results"), "--kubernetes", in("job.yaml"), "--kueue",
		in("queues.yaml"),
		"--queue", "team", "--image", "x/clipcalib:1", "--claim", "shared=/shared", "--results", "/shared/results",
		"--plan-at", "/shared/plan.jsonl", "--map", dir+"=/shared")
	job := string(readFile(t, in("job.yaml")))
	for _, want := range []string{"completions: 4\n", "/shared/plan.jsonl", dir + "=/shared", "queue-name: team",
		"activeDeadlineSeconds: 600", "claimName: shared"} {
		if !strings.Contains(job, want) {
			t.Errorf("no %q in\n%s", want, job)
		}
	}
	if strings.Contains(job, "4096Mi") {
		t.Errorf("memory is not the estimate's: %s", job)
	}
	for _, c := range []struct{ args, want []string }{
		{[]string{"--slurm", in("s"), "--shards", "5", "--results", "r"}, []string{"--shards 5", "4 cells"}},
		{[]string{"--slurm", in("s")}, []string{"--results"}},
		{[]string{"--shards", "2"}, []string{"--shards", "none is asked for"}},
		{[]string{"--slurm", in("s"), "--results", "r", "--image", "i"}, []string{"--image"}},
		{[]string{"--slurm", in("s"), "--results", "r", "--memory", "4"}, []string{"--memory"}},
		{[]string{"--kubernetes", in("s"), "--results", "r"}, []string{"--image"}},
		{[]string{"--kubernetes", in("s"), "--results", "r", "--image", "i", "--claim", "x"}, []string{"NAME=PATH"}},
		{[]string{"--kueue", in("s"), "--results", "r"}, []string{"--queue"}},
		{[]string{path, "--slurm", in("s"), "--results", "r"}, []string{"--out"}},
	} {
		fails(t, append([]string{"plan", path}, c.args...), c.want...)
	}
}

func TestAPanicIsOneCellsFailure(t *testing.T) {
	w := &worker{hands: &hands{key: "shared"}}
	_, err := w.guarded(func() (product, error) { panic("a slip") })
	var d *defect
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "internal error: a slip") || w.hands != nil ||
		!strings.Contains(d.trace, "plan_test.go") {
		t.Errorf("%v, %+v", err, d)
	}
	res := cellResult{}
	if res.fail(err); res.ExitCode != exitcode.Failed {
		t.Errorf("%+v", res)
	}
}

// TestATableOfThePaperIsPlanned: what the tasks make is what the table's command
// makes.
func TestATableOfThePaperIsPlanned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	args := append(paperArgs(t, "adapters", in("paper")), "--only", "ViT-B/16,TaskRes", "--bank", in("bank"), "-q")
	mustRun(t, args...)
	mustRun(t, append(append([]string{"plan"}, args...), "--out", in("plan.jsonl"))...) // the later --out counts
	doCells(t, 0, in("plan.jsonl"), "--out", in("results"), "--scratch", in("scratch"), "--bank", in("bank"))
	adapters := glob(t, in("paper/runs/*/*/*/recipe.yaml"))
	// As deep as the other, which model.yaml says.
	collectedAs(t, 0, in("plan.jsonl"), "--out", in("results"), "--runs", in("a/b/c/d"))
	if gathered := glob(t, in("a/b/c/d/*")); len(gathered) != len(adapters) || len(adapters) != 4 {
		t.Errorf("%q, want %q", gathered, adapters)
	}
	for _, recipe := range adapters {
		one := filepath.Dir(recipe)
		sameFiles(t, one, filepath.Join(in("a/b/c/d"), filepath.Base(one)))
	}
	fails(t, append(append([]string{"plan"}, args...), "--out", in("p"), "--dry-run"), "--dry-run")
}
