package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/npy"
	"clipcalib/internal/table"
)

// foldedSet is a set of colours in parts, with a validation fold.
func foldedSet(t *testing.T, dir string) string {
	t.Helper()
	for k, c := range colours {
		for part, each := range map[string]int{"train": 3, "val": 6, "test": 5} {
			for i := range each {
				writePNG(t, filepath.Join(dir, part, c.name, fmt.Sprintf("%s%02d.png", part, i)), picture(k,
					100*len(part)+i))
			}
		}
	}
	return dir
}

func TestGridsAndReportsShowScalersAsRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := foldedSet(t, filepath.Join(dir, "set"))
	out := filepath.Join(dir, "grid")
	args := []string{"adapt", "taskres", "--remedy", "none,sals", "--seed", "1,2", "--data", set, "--targets",
		set + "," + set + "#val", "--weights", tinyModel(), "--bank", filepath.Join(dir, "bank"), "--epochs", "3",
		"--views",
		"1", "--out", out}
	o := mustRun(t, append(args, "--post-hoc", "temperature")...)
	for _, w := range []string{"+ temperature", "+ SaLS+temperature", "fitted on", "set-val"} {
		if !strings.Contains(o.out, w) {
			t.Errorf("no %q in\n%s", w, o.out)
		}
	}
	if !strings.Contains(o.err, "18 samples that the run did not learn from") {
		t.Errorf("said %s", o.err)
	}
	var grid struct {
		Cells   []cellResult
		PostHoc []struct {
			Remedy, Target string
			Fitted         table.Fitted
		} `json:"post_hoc"`
	}
	o = mustRun(t, append(args, "--post-hoc", "temperature", "--json")...)
	if err := json.Unmarshal([]byte(o.out), &grid); err != nil || len(grid.Cells) != 4 || len(grid.PostHoc) != 2*(4+1) {
		t.Fatalf("%d cells, %d under scalers: %v", len(grid.Cells), len(grid.PostHoc), err)
	}
	if f := grid.PostHoc[0].Fitted; f.Fold != "set-val" || f.Samples != 18 || f.Temperature <= 0 {
		t.Errorf("%+v", f)
	}

	// The choice of a remedy has the scaler among its candidates.
	var choices struct{ Choices []table.Choice }
	o = mustRun(t, "choose", out, "--post-hoc", "temperature", "--draws", "50", "--json")
	if err := json.Unmarshal([]byte(o.out), &choices); err != nil || len(choices.Choices) != 2 {
		t.Fatalf("%v: %s", err, o.out)
	}
	c := choices.Choices[1]
	if c.Method != "taskres" || c.On != "set-val" || len(c.Candidates) != 4 || len(c.Outcomes) != 1 || c.Samples != 18 {
		t.Errorf("%+v", c)
	}
	text := mustRun(t, "choose", out, "--rule", "range", "--draws", "50").out
	for _, w := range []string{"TaskRes", "SaLS", "|log range ratio|", "labels that the choice did not see"} {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
	for _, bad := range [][]string{{"--rule", "luck"}, {"--metric", "accuracy"}, {"--rule", "range", "--metric", "nll"},
		{"--draws", "3"}, {"--allowance", "-1"}} {
		fails(t, append([]string{"choose", out}, bad...), bad[len(bad)-2])
	}

	// A temperature is carried over to other sets, of other classes too.
	fold := filepath.Join(filepath.Dir(grid.Cells[0].Targets[0].Dir), "set-val")
	saved := filepath.Join(dir, "mine.json")
	mustRun(t, "calibrate", "--logits", filepath.Join(fold, "logits.npy"), "--labels", filepath.Join(fold,
		"labels.npy"),
		"--remedy", "temperature", "--fit-on-measured", "--save-calibrator", saved)
	page := filepath.Join(dir, "page.html")
	mustRun(t, "report", out, "--post-hoc", "isotonic", "--calibrator", saved, "--sets", "lac,conf-ot", "--coverage",
		"0.8",
		"--out", page)
	html := string(readFile(t, page))
	for _, w := range []string{"isotonic", "temperature of mine", "Sets of classes by CONF-OT", "fitted elsewhere, on ",
		"each run&#39;s own logits of"} {
		if !strings.Contains(html, w) {
			t.Errorf("no %q in the page", w)
		}
	}
	md := mustRun(t, "report", out, "--calibrator", saved, "--format", "md")
	if !strings.Contains(md.out, "+ temperature of mine") || !strings.Contains(md.err,
		"labels of these very pictures") {
		t.Errorf("%s%s", md.out, md.err)
	}
	l, y := drawnLogits(t, dir, "wide", 40, 7, 4)
	if o := mustRun(t, "calibrate", "--logits", l, "--labels", y, "--calibrator", saved); !strings.Contains(o.err,
		"fitted on logits of 3 classes") {
		t.Errorf("said %s", o.err)
	}
	if o := mustRun(t, "calibrate", "--logits", filepath.Join(out, filepath.Base(grid.Cells[1].Run), "targets",
		"set-val",
		"logits.npy"), "--labels", filepath.Join(fold, "labels.npy"), "--calibrator", saved); !strings.Contains(o.err,
		"these very pictures") {
		t.Errorf("said %s", o.err)
	}
}

// What a scaler is fitted on is known by the list of pictures and by the samples,
// whatever a set is called.
func TestAFoldUnderAnotherNameIsNotMeasured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := foldedSet(t, filepath.Join(dir, "set"))
	run := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--data", set, "--weights", tinyModel(), "--bank", filepath.Join(dir, "bank"),
		"--epochs",
		"2", "--views", "1", "--out", run)
	copied, again := filepath.Join(dir, "copied"), filepath.Join(dir, "again")
	for k, c := range colours {
		for i := range 6 {
			name := fmt.Sprintf("val%02d.png", i)
			writePNG(t, filepath.Join(copied, "test", c.name, name), picture(k, 300+i))
			writePNG(t, filepath.Join(again, "test", c.name, "another-"+name), picture(k, 300+i))
		}
	}
	for _, data := range []string{set + "#val", copied, again} {
		mustRun(t, "eval", run, "--data", data, "--bank", filepath.Join(dir, "bank"))
	}
	o := mustRun(t, "report", run, "--post-hoc", "temperature", "--format", "csv")
	for _, line := range strings.Split(o.out, "\n") {
		if strings.Contains(line, "temperature") && !strings.Contains(line, "set-val") {
			t.Errorf("measured on what it was fitted on: %s", line)
		}
	}
	for _, name := range []string{"copied", "again"} {
		if !strings.Contains(o.err, "no scaler on "+name) {
			t.Errorf("nothing said of %s: %s", name, o.err)
		}
	}
	fails(t, []string{"report", run, "--sets", "fool"}, "--sets fool", "conf-ot")
	fails(t, []string{"report", run, "--fold", "again"}, "--fold again", "SOURCE#val")
	// Nor are sets calibrated on it.
	if !strings.Contains(o.err, "no conformal sets on again: 18 of its samples") {
		t.Errorf("said %s", o.err)
	}
	for _, coverage := range []string{"0", "1", "-0.5"} {
		fails(t, []string{"report", run, "--coverage", coverage}, "--coverage")
	}
	mustRun(t, "eval", run, "--data", set, "--bank", filepath.Join(dir, "bank"))
	if o := mustRun(t, "report", run, "--coverage", "0.99", "--format", "text"); !strings.Contains(o.err,
		"at least 99") {
		t.Errorf("18 samples for 0.99: %s", o.err)
	}
}

// The fold of a run on half of the classes is that half of the validation fold, in
// whichever order the words stand; the other half's is none.
func TestTheFoldOfHalfOfTheClasses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := foldedSet(t, filepath.Join(dir, "set"))
	run := filepath.Join(dir, "run")
	bank := []string{"--bank", filepath.Join(dir, "bank")}
	mustRun(t, append(learn(set+"#base", run, "coop", "--vectors", "2", "--epochs", "1"), bank...)...)
	mustRun(t, append([]string{"eval", run, "--data", set + "#base", "--data", set + "#new", "--data",
		set + "#base#val", "--data", set + "#val#new"}, bank...)...)
	o := mustRun(t, "report", run, "--post-hoc", "temperature", "--sets", "lac", "--coverage", "0.8", "--format", "csv")
	fitted := map[string]bool{}
	for _, line := range strings.Split(o.out, "\n") {
		for _, name := range []string{"set-base", "set-new", "set-val-base", "set-val-new"} {
			if strings.Contains(line, "temperature") && strings.Contains(line, ","+name+",") {
				fitted[name] = true
			}
		}
	}
	if len(fitted) != 4 || !strings.Contains(o.err, "12 samples") || !strings.Contains(o.err, "of set-val-base") {
		t.Errorf("%v; %s", fitted, o.err)
	}
	if o := mustRun(t, "choose", run, "--post-hoc", "temperature", "--draws", "20"); !strings.Contains(o.out,
		"set-val-base") {
		t.Errorf("%s%s", o.out, o.err)
	}
}

// A calibrator from a file is not measured on the samples that it was fitted on,
// whatever their files are called: they are known by their pictures, under another
// model too, and by their logits.
func TestACalibratorKnowsItsSamples(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := foldedSet(t, filepath.Join(dir, "set"))
	bank := []string{"--bank", filepath.Join(dir, "bank")}
	run, other := filepath.Join(dir, "run"), filepath.Join(dir, "other")
	for out, more := range map[string][]string{run: {"taskres"}, other: {"zslp", "--epochs", "3"}} {
		mustRun(t, append(append([]string{"adapt"}, more...), "--data", set, "--weights", tinyModel(), bank[0], bank[1],
			"--views", "1", "--out", out)...)
	}
	mixed, fresh := filepath.Join(dir, "mixed"), filepath.Join(dir, "fresh")
	for k, c := range colours {
		for i := range 6 {
			writePNG(t, filepath.Join(mixed, "test", c.name, fmt.Sprintf("renamed-%d.png", i)), picture(k, 300+i))
			writePNG(t, filepath.Join(mixed, "test", c.name, fmt.Sprintf("new-%d.png", i)), picture(k, 900+i))
			writePNG(t, filepath.Join(fresh, "test", c.name, fmt.Sprintf("%d.png", i)), picture(k, 950+i))
		}
	}
	for _, r := range []string{run, other} {
		mustRun(t, append([]string{"eval", r, "--data", set + "#val", "--data", mixed, "--data", fresh}, bank...)...)
	}
	of := func(run, target, file string) string { return filepath.Join(run, "targets", target, file) }
	saved := filepath.Join(dir, "mine.json")
	mustRun(t, "calibrate", "--logits", of(run, "set-val", "logits.npy"), "--labels", of(run, "set-val", "labels.npy"),
		"--remedy", "temperature", "--fit-on-measured", "--save-calibrator", saved)
	for _, r := range []string{run, other} {
		o := mustRun(t, "report", r, "--calibrator", saved, "--format", "csv")
		if !strings.Contains(o.err, "on mixed: it was fitted on 18 of its 36 samples") ||
			strings.Contains(o.err, "not checked") || !strings.Contains(o.out, "temperature of mine") {
			t.Errorf("%s: %s%s", r, o.out, o.err)
		}
		for target, words := range map[string]string{"mixed": "fitted on 18 of the 36 samples", "fresh": ""} {
			o = mustRun(t, "calibrate", "--logits", of(r, target, "logits.npy"), "--labels", of(r, target, "labels.npy"),
				"--calibrator", saved)
			if strings.Contains(o.err, "flattered") != (words != "") || !strings.Contains(o.err, words) {
				t.Errorf("%s, %s: %s", r, target, o.err)
			}
		}
		// A fold under another model's logits, and pictures under other names.
		o = command("calibrate", "--logits", of(r, "mixed", "logits.npy"), "--labels", of(r, "mixed", "labels.npy"),
			"--remedy", "temperature", "--fit-logits", of(r, "set-val", "logits.npy"), "--fit-labels",
			of(r, "set-val", "labels.npy"))
		if o.code != 2 || !strings.Contains(o.err, "18 of the 18 rows of --fit-logits are also among those of --logits") {
			t.Errorf("%d: %s", o.code, o.err)
		}
	}
	// Without pictures, by the logits, written with four decimals in another order.
	_, k, values, err := npy.ReadMatrix(of(run, "mixed", "logits.npy"))
	if err != nil {
		t.Fatal(err)
	}
	labels, err := npy.ReadLabels(of(run, "mixed", "labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	var rows, classes strings.Builder
	rows.WriteString("a,b,c\n")
	classes.WriteString("label\n")
	for i := len(labels) - 1; i >= 0; i-- {
		for c := range k {
			fmt.Fprintf(&rows, "%s%.4f", []string{"", ","}[min(c, 1)], values[i*k+c])
		}
		rows.WriteString("\n")
		fmt.Fprintln(&classes, labels[i])
	}
	table, list := filepath.Join(dir, "z.csv"), filepath.Join(dir, "y.csv")
	writeFile(t, table, []byte(rows.String()))
	writeFile(t, list, []byte(classes.String()))
	if o := mustRun(t, "calibrate", "--logits", table, "--labels", list, "--calibrator", saved); !strings.Contains(o.err,
		"fitted on 18 of the 36 samples") {
		t.Errorf("by logits: %s", o.err)
	}
}

func TestScalersWithoutAFoldAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	run := filepath.Join(dir, "run")
	mustRun(t, "adapt", "zslp", "--features", train, "--epochs", "2", "--out", run)
	mustRun(t, "eval", run, "--features", test)
	set := folderSet(t, filepath.Join(dir, "set"), 2, 2)
	grid := []string{"adapt", "zslp", "--data", set, "--weights", tinyModel(), "--out", filepath.Join(dir, "grid")}
	none := filepath.Join(dir, "none.json")
	writeFile(t, none, []byte("{}"))
	for _, c := range []struct {
		args, words []string
	}{
		{[]string{"choose", run}, []string{"nothing to choose", "without a remedy"}},
		{[]string{"choose", filepath.Join(dir, "nothing")}, []string{"nothing"}},
		{[]string{"report", run, "--post-hoc", "temperature"}, []string{"no row", "SOURCE#val"}},
		{[]string{"report", run, "--post-hoc", "temprature"}, []string{"--post-hoc temprature", "temperature"}},
		{[]string{"report", run, "--calibrator", none}, []string{"--calibrator", "none.json"}},
		{append(grid, "--targets", set, "--post-hoc", "temperature"), []string{"--targets", "#val"}},
		{append(grid, "--post-hoc", "temperature"), []string{"--targets"}},
		{[]string{"tta", "tpt", "--data", set + "#val", "--weights", tinyModel(), "--out", filepath.Join(dir, "t"),
			"--post-hoc", "temperature"}, []string{"clipcalib report"}},
		{[]string{"plan", "adapt", "zslp", "--data", set, "--targets", set, "--weights", tinyModel(), "--out",
			filepath.Join(dir, "p.jsonl"), "--post-hoc", "temperature"}, []string{"--post-hoc", "does the work"}},
	} {
		failsClean(t, dir, c.args, c.words...)
	}
}
