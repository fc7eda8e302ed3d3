package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clipcalib/internal/exitcode"
)

// gridOf runs a grid and returns what it says of its cells.
func gridOf(t *testing.T, code int, args ...string) (cells []cellResult) {
	t.Helper()
	o := command(append(args, "--json", "-q")...)
	var got struct{ Cells []cellResult }
	if err := json.Unmarshal([]byte(o.out), &got); err != nil || o.code != code {
		t.Fatalf("%v, exit code %d, want %d: %s%s", err, o.code, code, o.out, o.err)
	}
	return got.Cells
}

func states(cells []cellResult) (n map[string]int) {
	n = map[string]int{}
	for _, c := range cells {
		n[c.State]++
	}
	return n
}

// single trains and evaluates a grid's cell by itself, below dir.
func single(t *testing.T, dir string, cell cellResult, flag, value string, more ...string) string {
	t.Helper()
	out := filepath.Join(dir, filepath.Base(cell.Run))
	args := []string{"adapt"}
	for _, part := range strings.Split(cell.Cell, ", ") {
		if name, value, ok := strings.Cut(part, " "); ok {
			args = append(args, "--"+name, value)
		} else {
			args = append(args, part)
		}
	}
	mustRun(t, append(append(args, "-q", "--out", out, flag, value), more...)...)
	return out
}

func TestAGridIsItsRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set, other := folderSet(t, filepath.Join(dir, "set"), 5, 3), folderSet(t, filepath.Join(dir, "other"), 1, 4)
	more := []string{"--weights", tinyModel(), "--bank", filepath.Join(dir, "bank"), "--epochs", "3", "--views", "1",
		"--activation", "gelu"} // which eval then finds in the run, and records as asked for
	out := filepath.Join(dir, "grid")
	args := append([]string{"adapt", "zslp,taskres", "--remedy", "none,sals,penalty,penalty+sals", "--seed", "1,2",
		"--shots", "1,4", "--data", set, "--targets", set + "," + other, "--out", out}, more...)
	cells := gridOf(t, 0, args...)
	if n := states(cells); len(cells) != 32 || n[cellTrained] != 16 || n[cellShared] != 16 {
		t.Fatalf("%d cells: %v", len(cells), n)
	}
	for _, c := range cells {
		run := single(t, filepath.Join(dir, "single"), c, "--data", set, more...)
		mustRun(t, "eval", run, "-q", "--data", set, "--data", other, "--bank", filepath.Join(dir, "bank"))
		sameFiles(t, run, c.Run)
		if len(c.Targets) != 2 {
			t.Errorf("%s has targets %v", c.Cell, c.Targets)
		}
	}
	// The same again, and with a value more: what is there is kept.
	before := listing(t, out)
	if n := states(gridOf(t, 0, args...)); n[cellKept] != 32 {
		t.Errorf("again: %v", n)
	}
	if after := listing(t, out); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Error("a grid that was there has changed")
	}
	args[5] = "1,2,3"
	if n := states(gridOf(t, 0, args...)); n[cellKept] != 32 || n[cellTrained] != 8 || n[cellShared] != 8 {
		t.Errorf("a seed more: %v", n)
	}
	fails(t, append([]string{"adapt", "zslp", "--data", set, "--out", out}, more...), "folder of runs")
	fails(t, append([]string{"adapt", "zslp", "--seed", "1,2", "--data", set, "--out", cells[0].Run}, more...),
		"a run itself")
	fails(t, []string{"adapt", "zslp", "--seed", "1,1", "--data", set, "--out", out}, "1 is there twice")
}

func TestAGridGoesOnBehindAFailedCell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	out := filepath.Join(dir, "grid")
	args := []string{"adapt", "zslp,clap", "--seed", "1,2", "--features", train, "--targets", test, "--epochs", "2",
		"--out", out}
	cells := gridOf(t, 0, args...)
	bad := cells[1].Run
	if err := os.RemoveAll(bad); err != nil {
		t.Fatal(err)
	}
	writeFile(t, bad, nil) // in the place of the run
	os.RemoveAll(cells[2].Run)
	cells = gridOf(t, exitcode.Failed, args...)
	if n := states(cells); n[cellKept] != 2 || n[cellTrained] != 1 || n[cellFailed] != 1 ||
		cells[1].State != cellFailed {
		t.Errorf("%v", n)
	}
	o := command(append(args, "-q")...)
	if o.code != exitcode.Failed || !strings.Contains(o.err, "failed: seed 1, clap: ") ||
		!strings.Contains(o.err, "1 of 4 cells failed") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	// Features give what eval gives.
	run := single(t, filepath.Join(dir, "single"), cells[0], "--features", train, "--epochs", "2")
	mustRun(t, "eval", run, "-q", "--features", test)
	sameFiles(t, run, cells[0].Run)
}

func TestARecipeFileIsTheCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, _ := featureFiles(t, dir)
	recipe := func(lines ...string) string {
		path := filepath.Join(dir, "recipe.yaml")
		writeFile(t, path, []byte(strings.Join(lines, "\n")+"\n"))
		return path
	}
	good := []string{"# grid", "method: [zslp, taskres]", "remedy: [none, penalty]", "set: {lambda: [5, 10]}",
		"seed: [1, 2]",
		"learning_rate: 0.05", "epochs: 2", "features: " + filepath.Base(train), "out: grid"}
	cells := gridOf(t, 0, "adapt", "--recipe", recipe(good...))
	// The setting is the penalty's alone: 2 methods, 2 seeds, and none or one of two.
	if n := states(cells); len(cells) != 12 || n[cellTrained] != 12 {
		t.Errorf("%d cells, %v", len(cells), n)
	}
	if n := states(gridOf(t, 0, "adapt", "zslp", "--recipe", recipe(good...), "--seed", "2,3", "--set",
		"lambda=10")); n[cellKept] != 2 || n[cellTrained] != 2 {
		t.Errorf("flags before the file: %v", n)
	}
	text := string(readFile(t, filepath.Join(cells[0].Run, "recipe.yaml")))
	if !strings.Contains(text, "learning_rate: 0.05") {
		t.Error(text)
	}
	for _, c := range []struct {
		line string
		want []string
	}{
		{"seeed: 1", []string{"recipe.yaml:10", `"seeed"`, "did you mean seed?"}},
		{"seed: 3", []string{"recipe.yaml:10", "twice"}},
		{"batch: x", []string{"recipe.yaml:10", "batch"}},
		{"loss: [ce, ]\njson: true", []string{"recipe.yaml:11", `"json"`}},
		{"views: []", []string{"recipe.yaml:10", "empty"}},
		{"views: {a: 1}", []string{"recipe.yaml:10", "list of values"}},
		{"init: [a, b]", []string{"recipe.yaml:10", "one value"}},
		{"loss: cee", []string{`"cee"`, "did you mean ce?"}},
		{"---\nseed: 1", []string{"more than one document"}},
	} {
		fails(t, []string{"adapt", "--recipe", recipe(append(good, c.line)...)}, c.want...)
	}
	fails(t, []string{"adapt", "--recipe", recipe(good...), "--set", "mu=1"}, "--set mu")
	fails(t, []string{"adapt", "--recipe", recipe(good...), "--seed", "x"}, "--seed")
	fails(t, []string{"adapt", "--recipe", filepath.Join(dir, "none.yaml")}, "no such file")
	fails(t, []string{"adapt", "--recipe", recipe("seed: 1")}, "METHOD")
}

func TestEvalTakesRunsForRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set, bank := folderSet(t, filepath.Join(dir, "set"), 2, 3), filepath.Join(dir, "bank")
	run := func(name string, more ...string) string {
		out := filepath.Join(dir, "runs", name)
		mustRun(t, append([]string{"adapt", "zslp", "--weights", tinyModel(), "--bank", bank, "--data", set, "--epochs",
			"2", "--views", "-1",
			"--out", out}, more...)...)
		return out
	}
	a, b := run("a"), run("b", "--activation", "gelu", "--seed", "2")
	// A target named twice counts once.
	if o := mustRun(t, "eval", a, "--bank", bank, "--data", set, set); strings.Contains(o.out, "–") ||
		!strings.Contains(o.err, "counts once") {
		t.Errorf("%s%s", o.out, o.err)
	}
	// Two runs are two runs, each with the activation that it was trained with.
	cells := gridOf(t, 0, "eval", a, b, "--bank", bank, "--data", set)
	if len(cells) != 2 || cells[0].Run != a || cells[1].Run != b || len(cells[1].Targets) != 1 {
		t.Errorf("%+v", cells)
	}
	// Every row says which run and which target it is of; nothing is averaged.
	more := folderSet(t, filepath.Join(dir, "more"), 0, 2)
	two := []string{"eval", a, b, "--bank", bank, "--data", set, "--data", more}
	for _, c := range gridOf(t, 0, two...) {
		for i, row := range c.Targets {
			if want := []string{"set", "more"}[i]; row.Run != c.Run || row.Target != want ||
				row.ZeroShot == row.Metrics {
				t.Errorf("%+v", row)
			}
		}
	}
	out := mustRun(t, two...).out
	for _, run := range []string{"runs/a", "runs/b"} {
		for _, target := range []string{"set", "more"} {
			if n := len(regexp.MustCompile(run+`\s+(target )?`+target+`[ ;]`).FindAllString(out, -1)); n == 0 {
				t.Errorf("no row of %s on %s in\n%s", run, target, out)
			}
		}
	}
	mustRun(t, "eval", b, "--bank", bank, "--data", set, "-q")
	if cells := gridOf(t, 0, "eval", filepath.Join(dir, "runs"), "--bank", bank, "--data", set); len(cells) != 2 {
		t.Errorf("%+v", cells)
	}
	fails(t, []string{"eval", a, b}, "--data TARGET is missing")
	fails(t, []string{"eval", a, set}, "no run", "--data "+set)
	fails(t, []string{"eval", filepath.Join(dir, "model.pth.tar-50"), "--data", set, "--weights", tinyModel()},
		"no such file or folder")
	tta := filepath.Join(dir, "tta")
	mustRun(t, "tta", "tpt", "--weights", tinyModel(), "--data", set, "--views", "4", "--out", tta, "-q")
	fails(t, []string{"eval", tta, "--data", set}, "clipcalib tta tpt", "--data TARGET")
}

func TestLongPromptsAreCutOnRequest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := folderSet(t, dir, 1, 1)
	args := []string{"zeroshot", "--weights", tinyModel(), "--bank", filepath.Join(dir, "bank"), "--data", set,
		"--template", "{} " + strings.Repeat("of many words ", 40)}
	fails(t, args, "--truncate")
	if o := mustRun(t, append(args, "--truncate")...); !strings.Contains(o.err, "cut to 77 tokens") {
		t.Error(o.err)
	}
}

func TestATuningGridIsItsRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := folderSet(t, filepath.Join(dir, "set"), 1, 2)
	more := []string{"--weights", tinyModel(), "--bank", filepath.Join(dir, "bank"), "--views", "4", "--data", set}
	args := append([]string{"tta", "tpt,c-tpt", "--remedy", "none,penalty", "--set", "remedy.lambda=3", "--seed", "1,2",
		"--out", filepath.Join(dir, "grid")}, more...)
	fails(t, append(args, "--set", "mu=1"), "--set mu")
	fails(t, append(args, "--set", "lambda=1"), "lambda is ambiguous")
	cells := gridOf(t, 0, args...)
	if len(cells) != 8 {
		t.Fatalf("%+v", cells)
	}
	for _, c := range cells {
		out := filepath.Join(dir, "single", filepath.Base(c.Run))
		name := strings.Split(filepath.Base(c.Run), "-seed")
		method, remedy := strings.TrimSuffix(strings.TrimSuffix(name[0], "-none"), "-penalty"), "none"
		one := append([]string{"tta", method, "-q", "--seed", name[1][:1], "--out", out}, more...)
		if strings.HasSuffix(name[0], "-penalty") {
			remedy = "penalty"
			one = append(one, "--set", "remedy.lambda=3")
		}
		mustRun(t, append(one, "--remedy", remedy)...)
		sameFiles(t, out, c.Run)
	}
}
