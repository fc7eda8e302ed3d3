package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/data/miniature"
	"clipcalib/internal/paper"

	"github.com/spf13/cobra"
)

func TestTableShowsThePapersFiguresAndTheDifference(t *testing.T) {
	t.Parallel()
	l := tableOf(t, "adapters", "--logits", savedFolder, "--only", "RN50,taskres,sals").Blocks[0].Lines[0]
	if l.Row != "TaskRes + SaLS" || l.Average.PaperECE.Text != "9.03" || l.Average.PaperAccuracy.Value != 41.18 {
		t.Fatalf("%+v", l)
	}
	if d := l.Average.ECE["10"].Mean - 9.03; math.Abs(*l.Average.DiffECE-d) > 1e-12 {
		t.Errorf("difference %v, want %v", *l.Average.DiffECE, d)
	}
	if f := l.Average.Accuracy; f.N != 1 || !(f.Low < f.Mean && f.Mean < f.High) {
		t.Errorf("interval %+v", f)
	}
	if l.Sets[0].PaperECE != nil {
		t.Error("a set has a published figure, which nobody has read")
	}
	for format, want := range map[string][]string{
		"latex": {`\toprule`, `\quad + SaLS`, `$\pm$`}, "md": {"| RN50", "# Adapters"},
		"csv": {"adapters,RN50,TaskRes + SaLS,average,ece,10,"}, "html": {"<!doctype html>", "not recovered"},
		"text": {"20 bins", "paper"},
	} {
		out := mustRun(t, "table", "adapters", "--logits", savedFolder, "--format", format).out
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s lacks %q:\n%.600s", format, w, out)
			}
		}
	}
}

func TestTreeOfTheReleasedCodeIsRead(t *testing.T) {
	t.Parallel()
	sheet := tableOf(t, "adapters", "--logits", "testdata/released", "--only", "RN50,taskres,zero-shot,none,sals")
	// There are no logits of the rows with ZS-Norm and Penalty.
	if o := command("table", "adapters", "--logits", "testdata/released", "--only", "RN50,taskres"); o.code != 3 ||
		!strings.Contains(o.err, "8 of 16 cells") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	rows := map[string]float64{}
	for _, l := range sheet.Blocks[0].Lines {
		if l.Average.Accuracy != nil {
			rows[l.Row] = l.Average.Accuracy.Mean
		}
	}
	if len(rows) != 3 || rows["Zero-Shot"] != 100 || rows["TaskRes"] != 50 || rows["TaskRes + SaLS"] != 50 {
		t.Errorf("rows %v", rows)
	}
	if text := strings.Join(sheet.Notes, "\n"); strings.Count(text, "16shots_ls") != 1 {
		t.Errorf("the runs of label smoothing are not named:\n%s", text)
	}
}

func TestDryRunSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	full, err := miniatureRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"imagenet", "imagenetv2", "imagenet-adversarial"} {
		if err := os.Symlink(filepath.Join(full, set), filepath.Join(root, set)); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"table", "adapters", "--root", root, "--dry-run", "--json"}, paperModels(t)[:2]...)
	var work struct {
		Runs, Cells, Pictures int
		Missing               []missingPart
		CellsMissing          int     `json:"cells_missing"`
		Operations            float64 `json:"operations"`
		Seconds               float64
		Memory                float64 `json:"memory_bytes"`
	}
	if err := json.Unmarshal([]byte(mustRun(t, args...).out), &work); err != nil {
		t.Fatal(err)
	}
	if work.Runs != 13 || work.Cells != 104 || work.CellsMissing != 78 || work.Seconds <= 0 || work.Memory < 1e6 {
		t.Errorf("%+v", work)
	}
	costs := map[string]int{}
	for _, m := range work.Missing {
		name, _, _ := strings.Cut(m.What, " ")
		costs[name] += m.Cells
	}
	out := t.TempDir()
	missing := append([]string{"table", "adapters", "--root", root, "--out", out, "--only", "zero-shot,RN50,ViT-B/16"},
		paperModels(t)[:2]...)
	if o := command(missing...); o.code != 3 || !strings.Contains(o.err, "6 of 8 cells") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	fails(t, append(missing[:len(missing)-2], "--only", "ImageNetSketch"), "nothing can be run")
	if costs["ImageNetSketch"] != 13 || costs["ImageNetR"] != 13 || costs["no"] != 52 {
		t.Errorf("costs %v of %v", costs, work.Missing)
	}
}

// Saved results of one set are of the same pictures and classes, and those that
// are scaled to each other in one order.
func TestSavedLogitsThatDoNotBelongTogetherAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		writeFile(t, filepath.Join(dir, name), []byte(content))
		return name
	}
	zs := file("zs.csv", "3,1,0\n0,2,1\n1,0,4\n")
	z := file("z.csv", "9,1,0\n0,8,1\n1,0,7\n")
	y := file("y.csv", "0\n1\n2\n")
	turned, turnedY := file("turned.csv", "1,0,7\n0,8,1\n9,1,0\n"), file("turned-y.csv", "2\n1\n0\n")
	two, twoY := file("two.csv", "9,1\n0,8\n1,0\n"), file("two-y.csv", "0\n1\n0\n")
	short, shortY := file("short.csv", "9,1,0\n0,8,1\n"), file("short-y.csv", "0\n1\n")
	table := func(lines ...string) outcome {
		file("index.csv", "model,method,remedy,set,seed,logits,labels,zero_shot\nRN50,zero-shot,none,ImageNetV2,,"+zs+
			","+y+",\n"+strings.Join(lines, "\n")+"\n")
		return command("table", "adapters", "--logits", dir, "--format", "csv")
	}
	line := func(remedy, seed, logits, labels, zeroShot string) string {
		return strings.Join([]string{"RN50,taskres", remedy, "ImageNetV2", seed, logits, labels, zeroShot}, ",")
	}
	good := table(line("none", "1", z, y, zs), "RN50,task-res,none,ImageNetV2,1,"+file("again.csv",
		"8,1,0\n0,8,1\n1,0,7\n")+","+y+
		",")
	if good.code != 3 || !strings.Contains(good.err, "1 of 3 saved results are in no row of this table: index.csv, line 4 "+
		"(RN50, task-res, none, ImageNetV2)") {
		t.Errorf("exit code %d: %s", good.code, good.err)
	}
	for name, c := range map[string]struct {
		line string
		want []string
	}{
		"another order": {line("none", "1", turned, turnedY, zs), []string{"line 3", "labels",
			"turned-y.csv"}},
		"another order, zs not named": {line("none", "1", turned, turnedY, ""), []string{"line 3", "labels",
			"turned-y.csv"}},
		"other classes":           {line("none", "1", two, twoY, ""), []string{"3 samples of 2 classes", "3 of 3"}},
		"other classes, remedied": {line("penalty", "1", two, twoY, ""), []string{"3 samples of 2 classes", "3 of 3"}},
		"fewer samples":           {line("penalty", "1", short, shortY, ""), []string{"2 samples of 3", "3 of 3"}},
	} {
		if o := table(c.line); o.code != 1 {
			t.Errorf("%s: exit code %d: %s", name, o.code, o.out)
		} else {
			for _, w := range c.want {
				if !strings.Contains(o.err, w) {
					t.Errorf("%s: %s; want %q in it", name, o.err, w)
				}
			}
		}
	}
}

func TestTablesRefuseWhatTheyCannotDo(t *testing.T) {
	t.Parallel()
	root, err := miniatureRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	index := filepath.Join(dir, "index.csv")
	if err := os.WriteFile(index, []byte("model,methd\nRN50,taskres\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  string
		words []string
	}{
		{"table adaptors --logits x", []string{"adaptors", "adapters"}},
		{"table adapters", []string{"--root"}},
		{"table adapters --root " + root, []string{"--out"}},
		{"table adapters --root /nowhere --out " + dir, []string{"/nowhere"}},
		{"table adapters --logits x --root y", []string{"--logits"}},
		{"table adapters --logits " + savedFolder + " --only RN51", []string{"RN51", "RN50"}},
		{"table prompts --logits " + savedFolder + " --only coop", []string{"none is of this table"}},
		{"table adapters --logits " + dir, []string{"index.csv", "methd", "method"}},
		{"table adapters --logits " + t.TempDir(), []string{"index.csv", "logits.pt"}},
		{"table adapters --root " + root + " --out " + dir + " --with epocs=3", []string{"epocs", "epochs"}},
		{"table adapters --root " + root + " --out " + dir + " --with weights=3", []string{"weights"}},
		{"table adapters --root " + root + " --out " + dir + " --weights " + index, []string{"index.csv"}},
		{"table adapters --root " + root + " --out " + dir + " --activation sigmoid", []string{"--activation",
			"sigmoid"}},
		{"recipes show adapters/rn50-taskrs", []string{"taskrs", "taskres"}},
	} {
		fails(t, strings.Fields(c.args), c.words...)
	}
}

func TestFlagsOfTheModelReachTheRuns(t *testing.T) {
	var s paperSource
	c := &cobra.Command{}
	s.add(c, "out", "")
	if err := c.ParseFlags([]string{"--activation", "gelu", "--no-config", "--bank", "b"}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.modelArgs(), " "); got != "--activation=gelu --no-config=true" {
		t.Errorf("flags %q", got)
	}
}

func TestAFailedRunStopsNoOther(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	args := append(paperArgs(t, "prompts", out), "--only", "ViT-B/16,none", "--with", "maple.depth=9", "--json")
	o := command(args...)
	var sheet paper.Sheet
	if err := json.Unmarshal([]byte(o.out), &sheet); err != nil {
		t.Fatal(err, o.err)
	}
	if o.code != 1 || !strings.Contains(o.err, "depth 9") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	for _, l := range sheet.Blocks[0].Lines {
		if failed := l.Row == "MaPLe"; failed != (l.Average.Accuracy == nil) {
			t.Errorf("%s: %+v", l.Row, l.Average)
		} else if failed && !strings.Contains(l.Sets[0].Why, "depth 9") {
			t.Errorf("why: %q", l.Sets[0].Why)
		}
	}
}

func TestRecipesAreOnesThatAdaptTakes(t *testing.T) {
	t.Parallel()
	root, err := miniatureRoot()
	if err != nil {
		t.Fatal(err)
	}
	weights := strings.TrimPrefix(paperModels(t)[1], "RN50=")
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.yaml")
	text := mustRun(t, "recipes", "show", "adapters/rn50-taskres", "--root", root, "--weights", weights,
		"--with", "epochs=1", "--with", "shots=1", "--set", "lambda=3").out
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var result struct{ Cells []cellResult }
	o := mustRun(t, "adapt", "--recipe", file, "--out", filepath.Join(dir, "runs"), "--json")
	if err := json.Unmarshal([]byte(o.out), &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Cells) != 4 || len(result.Cells[0].Targets) != 4 {
		t.Errorf("%+v of\n%s", result, text)
	}
	if list := mustRun(t, "recipes", "list").out; !strings.Contains(list, "tta/b16-c-tpt-fine") {
		t.Errorf("list:\n%s", list)
	}
}

func TestFiguresOfThePaperOnTheMiniature(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := miniatureRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"reliability", "range"} {
		out := filepath.Join(dir, kind+".svg")
		args := append([]string{"figure", kind, "--root", root, "--runs", filepath.Join(dir, "runs"), "--out", out,
			"--with", "epochs=1", "--with", "shots=1", "--with", "views=10"}, paperModels(t)[:2]...)
		mustRun(t, args...)
		for _, file := range []string{out, strings.TrimSuffix(out, ".svg") + ".pdf"} {
			if text, err := os.ReadFile(file); err != nil || len(text) < 2000 {
				t.Errorf("%s: %d bytes, %v", file, len(text), err)
			}
		}
		svg, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"CLIP-Ad", "CoOp", "TPT"} {
			if !strings.Contains(string(svg), want) {
				t.Errorf("%s has no %s", kind, want)
			}
		}
	}
	both := append([]string{"figure", "range", "--root", root, "--runs", dir}, paperModels(t)...)
	fails(t, both, "ViT-B/16", "RN50")
	fails(t, []string{"figure", "range", "runs"}, "range", "--root")
	fails(t, []string{"figure", "curves", "--root", root, "--runs", dir}, "curves", "reliability")
}

func TestRunsAreReadAsSavedLogits(t *testing.T) {
	t.Parallel()
	root, err := miniatureRoot()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	args := append(paperArgs(t, "adapters", out), "--only", "ViT-B/16,taskres,ImageNetA", "--json")
	made := mustRun(t, args...)
	var sheet paper.Sheet
	if err := json.Unmarshal([]byte(made.out), &sheet); err != nil {
		t.Fatal(err)
	}
	dumps, skipped, err := findDumps(filepath.Join(out, "runs"))
	if err != nil || len(skipped) > 0 || len(dumps) != 5 { // four remedies and the zero-shot model
		t.Fatalf("%d results, skipped %v: %v", len(dumps), skipped, err)
	}
	for _, d := range dumps {
		if d.set != "ImageNetA" || d.model != "ViT-2x16/8@16px" || (d.method == "zero-shot") != (d.seed == "") {
			t.Errorf("%+v", d)
		}
		if d.method == "taskres" && d.remedy == "penalty" {
			p, err := predictions(t.Context(), d.logits, d.labels)
			if want := sheet.Blocks[0].Lines[2].Sets[2].Accuracy.Mean; err != nil || 100*p.Accuracy() != want {
				t.Errorf("accuracy %v, the table has %v: %v", 100*p.Accuracy(), want, err)
			}
		}
	}
	for path, want := range map[string]string{
		root + "/imagenet/images/val": "ImageNet", "/data/DTD": "DescribableTextures", "/x/imagenet#val": "",
		"/x/y": "",
	} {
		if got := setAt(path); got != want {
			t.Errorf("the set at %s is %q, want %q", path, got, want)
		}
	}
}

func TestATableSaysWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	o := miniature.Options{Sets: []string{"OxfordPets"}, Classes: 3, Train: 1, Val: 1, Test: 3, Size: 20}
	if _, err := miniature.Write(root, o); err != nil {
		t.Fatal(err)
	}
	pictures, err := filepath.Glob(filepath.Join(root, "oxford_pets", "images", "*.jpg"))
	if err != nil || len(pictures) == 0 {
		t.Fatal(pictures, err)
	}
	for _, p := range pictures {
		if err := os.Truncate(p, 40); err != nil {
			t.Fatal(err)
		}
		args := []string{"table", "tta", "--root", root, "--out", t.TempDir(), "--only", "zero-shot,PET,RN50", "--json"}
		if o := command(append(args, paperModels(t)[:2]...)...); o.code == 3 {
			var sheet paper.Sheet
			if err := json.Unmarshal([]byte(o.out), &sheet); err != nil {
				t.Fatal(err)
			}
			text := strings.Join(sheet.Notes, "; ")
			if sheet.Blocks[0].Lines[0].Sets[2].Accuracy == nil || !strings.Contains(text, "OxfordPets: 8 pictures") {
				t.Errorf("notes %q, %+v", text, sheet.Blocks[0].Lines[0].Sets[2])
			}
			return
		} else if o.code != 0 { // of the training or validation part
			t.Fatalf("exit code %d: %s", o.code, o.err)
		}
	}
	t.Error("no damaged picture was missed")
}
