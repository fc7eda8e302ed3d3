package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/npy"
	"clipcalib/internal/paper"
)

// indexOf writes an index of one result on ImageNetV2.
func indexOf(t *testing.T, dir, method string, more map[string]string) {
	t.Helper()
	head, line := "model,method,remedy,set", "RN50,"+method+",none,ImageNetV2"
	for k, v := range more {
		head, line = head+","+k, line+","+v
	}
	writeFile(t, filepath.Join(dir, indexFile), []byte(head+"\n"+line+"\n"))
}

// The sets of a table are those of the conformal command, on a fold and over splits.
func TestSetsOfATableAreThoseOfConformal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, y := drawnLogits(t, dir, "test", 200, 5, 1)
	f, fy := drawnLogits(t, dir, "fold", 150, 5, 2)
	indexOf(t, dir, "taskres", map[string]string{"seed": "1", "logits": l, "labels": y, "fit_logits": f,
		"fit_labels": fy})
	of := func(args ...string) paper.Entry {
		t.Helper()
		o := command(append([]string{"table", "adapters", "--logits", dir, "--only", "RN50,taskres,none", "--json"},
			args...)...)
		var sheet paper.Sheet
		if err := json.Unmarshal([]byte(o.out), &sheet); err != nil || o.code != 3 { // three sets are not there
			t.Fatalf("%v: exit code %d: %s", err, o.code, o.err)
		}
		return sheet.Blocks[0].Lines[0].Sets[0]
	}
	var want conformalDocument
	conformal := func(args ...string) {
		t.Helper()
		want = conformalDocument{}
		o := mustRun(t, append([]string{"conformal", "--logits", l, "--labels", y, "--score", "lac", "--json"},
			args...)...)
		if err := json.Unmarshal([]byte(o.out), &want); err != nil {
			t.Fatal(err)
		}
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, conformal has %v", what, got, want)
		}
	}
	conformal("--cal-logits", f, "--cal-labels", fy)
	e := of("--sets", "lac")
	near("coverage", e.Sets["lac"].Coverage.Mean, 100*want.Scores[0].Figures.Coverage)
	near("its end", e.Sets["lac"].Coverage.Low, 100*want.Scores[0].Figures.CoverageInterval.Low)
	near("size", e.Sets["lac"].Size.Mean, want.Scores[0].MeanSize)
	near("gap", e.Sets["lac"].ClassGap.Mean, 100*want.Scores[0].Figures.ClassGap)
	if len(e.CalibratedOn) != 1 || !strings.Contains(e.CalibratedOn[0], "150 samples of "+f) {
		t.Errorf("calibrated on %q", e.CalibratedOn)
	}
	conformal("--splits", "20", "--coverage", "0.7")
	s := of("--splits", "20", "--coverage", "0.7").Sets["lac"]
	near("coverage over splits", s.Coverage.Mean, 100*want.Scores[0].Coverage.Median)
	near("its end", s.Coverage.High, 100*want.Scores[0].Coverage.High)
	near("size over splits", s.Size.Mean, want.Scores[0].Size.Median)
	near("gap over splits", s.ClassGap.Low, 100*want.Scores[0].ClassGap.Low)
	if s.Coverage.Over != "splits" || e.Sets["lac"].Size.Over != "samples" {
		t.Errorf("intervals over %q and %q", s.Coverage.Over, e.Sets["lac"].Size.Over)
	}
	for format, text := range map[string]string{"csv": "conformal_set_size", "md": "90 % sets", "latex": "LAC cover",
		"text": "150 samples of", "html": "class gap"} {
		if out := command("table", "adapters", "--logits", dir, "--only", "RN50,taskres,none", "--sets", "lac",
			"--format",
			format).out; !strings.Contains(out, text) {
			t.Errorf("%s has no %q:\n%s", format, text, out)
		}
	}
}

func TestSetsThatPromiseNothingAreRefusedInTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, y := drawnLogits(t, dir, "test", 60, 5, 1)
	f, fy := drawnLogits(t, dir, "fold", 8, 5, 2)
	table := []string{"table", "adapters", "--logits", dir, "--only", "RN50,taskres,none", "--sets", "lac,conf-ot"}
	files := map[string]string{"logits": l, "labels": y, "fit_logits": f, "fit_labels": fy}
	indexOf(t, dir, "taskres", files)
	fails(t, table, "fold.npy", "8 samples", "0.9", "at least 9")
	files["fit_logits"], files["fit_labels"] = l, y
	indexOf(t, dir, "taskres", files)
	fails(t, table, "60 of the 60 rows", "measured")
	fails(t, append(table, "--coverage", "1"), "--coverage 1")
	fails(t, append(table, "--sets", "lca"), "--sets lca")
	fails(t, append(table, "--splits", "5", "--sets", "full"), "--splits")
	fails(t, []string{"table", "adapters", "--root", dir, "--out", dir, "--sets", "full"}, "index.csv")
	// A class without a sample in the fold, and other classes.
	few, _ := drawnLogits(t, dir, "few", 40, 5, 3)
	fewY := filepath.Join(dir, "few-y.csv")
	writeFile(t, fewY, []byte(strings.Repeat("0\n1\n2\n3\n", 10)))
	files["fit_logits"], files["fit_labels"] = few, fewY
	indexOf(t, dir, "taskres", files)
	o := command(table...)
	for _, want := range []string{"1 of 5 classes, as class 4, have no calibration sample",
		"no sets: RN50, TaskRes on " +
			"ImageNetV2: by conf-ot"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("no %q in\n%s%s", want, o.out, o.err)
		}
	}
	files["fit_logits"], files["fit_labels"] = drawnLogits(t, dir, "other", 40, 6, 3)
	indexOf(t, dir, "taskres", files)
	if o := command(table...); !strings.Contains(o.out, "it is of 5 classes, and its fold of 6") {
		t.Errorf("other classes:\n%s%s", o.out, o.err)
	}
}

// Of a zero-shot result with features there are sets by adapted prototypes, those of
// the conformal command.
func TestATableHasSetsOfAdaptedPrototypes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{"logit_scale": "20"}
	for i, name := range []string{"fold", "test"} {
		c := makeClusters(4, 16+4*i, 8, 1.5, uint64(2+i))
		file := c.write(t, filepath.Join(dir, name+".safetensors"))
		run := filepath.Join(dir, "run-"+name)
		mustRun(t, "adapt", "zslp", "--features", file, "--epochs", "1", "--logit-scale", "20", "--out", run)
		mustRun(t, "eval", run, "--features", file, "--out", filepath.Join(dir, name))
		zero := filepath.Join(dir, name, "zero_shot_logits.npy")
		if name == "fold" {
			files["fit_logits"], files["fit_labels"], files["fit_features"] = zero, file+"#labels", file
			files["text_features"] = file
		} else {
			files["logits"], files["labels"], files["features"] = zero, file+"#labels", file
		}
	}
	indexOf(t, dir, "zero-shot", files)
	args := []string{"table", "adapters", "--logits", dir, "--only", "RN50,zero-shot", "--sets", "ss-text,full",
		"--coverage", "0.8", "--json"}
	var sheet paper.Sheet
	if o := command(args...); json.Unmarshal([]byte(o.out), &sheet) != nil {
		t.Fatal(o.err)
	}
	for _, kind := range []string{"ss-text", "full"} {
		var want conformalDocument
		o := mustRun(t, "conformal", "--method", kind, "--features", files["features"], "--labels", files["labels"],
			"--cal-features", files["fit_features"], "--logit-scale", "20", "--coverage", "0.8", "--score", "lac",
			"--json")
		if err := json.Unmarshal([]byte(o.out), &want); err != nil {
			t.Fatal(err)
		}
		got, ok := sheet.Blocks[0].Lines[0].Sets[0].Sets[kind]
		if !ok || math.Abs(got.Coverage.Mean-100*want.Scores[0].Figures.Coverage) > 1e-9 ||
			math.Abs(got.Size.Mean-want.Scores[0].MeanSize) > 1e-9 {
			t.Errorf("%s: %+v, want %+v", kind, got, want.Scores[0])
		}
	}
	files["features"] = files["fit_features"]
	indexOf(t, dir, "zero-shot", files)
	fails(t, args, "features", "logits")
	delete(files, "logit_scale")
	indexOf(t, dir, "zero-shot", files)
	fails(t, args, "belong together")
}

// A result of some of the fold's classes has sets that are calibrated on the fold's
// samples and columns of those, where rows.csv tells which they are.
func TestSetsOfFewerClassesAreCalibratedOnThose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	part := map[string]string{}
	for name, classes := range map[string][]string{"fold": {"ant", "bee", "cat", "dog", "elk"}, "test": {"dog", "ant",
		"cat"}} {
		sub := filepath.Join(dir, name)
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		l, y := drawnLogits(t, sub, "logits", 100, len(classes), uint64(len(name)))
		rows := "row,file,label,class,class_key\n"
		for i, c := range classes {
			rows += fmt.Sprintf("%d,f%d.png,%d,%s,%s\n", i, i, i, c, c)
		}
		writeFile(t, filepath.Join(sub, "rows.csv"), []byte(rows))
		part[name], part[name+"y"] = l, y
	}
	files := map[string]string{"logits": part["test"], "labels": part["testy"], "fit_logits": part["fold"],
		"fit_labels": part["foldy"]}
	indexOf(t, dir, "taskres", files)
	args := []string{"table", "adapters", "--logits", dir, "--only", "RN50,taskres,none", "--sets", "lac", "--json"}
	entry := func() paper.Entry {
		t.Helper()
		var sheet paper.Sheet
		if o := command(args...); json.Unmarshal([]byte(o.out), &sheet) != nil {
			t.Fatal(o.err)
		}
		return sheet.Blocks[0].Lines[0].Sets[0]
	}
	e := entry()
	// The same by hand: columns 3, 0 and 2 of the fold.
	n, k, values, err := npy.ReadMatrix(part["fold"])
	if err != nil {
		t.Fatal(err)
	}
	labels, err := npy.ReadLabels(part["foldy"])
	if err != nil {
		t.Fatal(err)
	}
	var l []float32
	var y []int
	for i := range n {
		if at := slices.Index([]int{3, 0, 2}, labels[i]); at >= 0 {
			y = append(y, at)
			for _, c := range []int{3, 0, 2} {
				l = append(l, float32(values[i*k+c]))
			}
		}
	}
	byHand := filepath.Join(dir, "hand.npy")
	if err := errors.Join(npy.WriteFile(byHand, l, len(y), 3), npy.WriteLabels(byHand+".y.npy", y)); err != nil {
		t.Fatal(err)
	}
	var want conformalDocument
	o := mustRun(t, "conformal", "--logits", part["test"], "--labels", part["testy"], "--cal-logits", byHand,
		"--cal-labels",
		byHand+".y.npy", "--score", "lac", "--json")
	if err := json.Unmarshal([]byte(o.out), &want); err != nil {
		t.Fatal(err)
	}
	if got := e.Sets["lac"]; math.Abs(got.Size.Mean-want.Scores[0].MeanSize) > 1e-12 ||
		math.Abs(got.Coverage.Mean-100*want.Scores[0].Figures.Coverage) > 1e-9 ||
		!strings.Contains(fmt.Sprint(e.CalibratedOn), fmt.Sprintf("%d samples", len(y))) {
		t.Errorf("%+v on %v, want %+v", got, e.CalibratedOn, want.Scores[0])
	}
	writeFile(t, filepath.Join(dir, "test", "rows.csv"), []byte("row,file,label,class,class_key\n0,f,0,dog,dog\n"))
	if e := entry(); len(e.Sets) > 0 || !strings.Contains(e.WhyNoSets, "3 classes, and its fold of 5") {
		t.Errorf("classes that are not known: %+v", e)
	}
}

// With --root the runs are evaluated on the validation fold of what they learnt from,
// or of what is measured; a set without one is refused by name.
func TestTablesOfRunsHaveScalersAndSetsOfTheirOwnFold(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	more := []string{"--post-hoc", "temperature", "--sets", "lac", "--coverage", "0.6"}
	args := append(paperArgs(t, "adapters", out), "--only", "ViT-B/16,taskres,zero-shot,none,ImageNetV2,ImageNetA")
	args = append(args, more...)
	var sheet paper.Sheet
	if err := json.Unmarshal([]byte(mustRun(t, append(args, "--json")...).out), &sheet); err != nil {
		t.Fatal(err)
	}
	rows := map[string]paper.Line{}
	for _, l := range sheet.Blocks[0].Lines {
		rows[l.Row] = l
	}
	runs, err := filepath.Glob(filepath.Join(out, "runs", "adapters", "b16-taskres", "*", "targets"))
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	zero := filepath.Join(out, "runs", "zero-shot", "b16-shifts")
	if found, err := filepath.Glob(filepath.Join(runs[0], "*")); err != nil || len(found) != 3 {
		t.Fatalf("targets %v, %v", found, err)
	}
	for row, c := range map[string]struct{ dir, fold string }{
		"TaskRes": {filepath.Join(runs[0], "imagenetv2-matched-frequency-format-val"), filepath.Join(runs[0],
			"imagenet-val")},
		"Zero-Shot": {filepath.Join(zero, "ImageNetV2"), filepath.Join(zero, "ImageNet-val")},
	} {
		v2, warm := rows[row].Sets[0], rows[row+" + temperature"].Sets[0]
		if v2.Accuracy == nil || warm.ECE == nil {
			t.Fatalf("%s: %+v, %+v", row, v2, warm)
		}
		on := []string{"--logits", filepath.Join(c.dir, "logits.npy"), "--labels", filepath.Join(c.dir, "labels.npy")}
		want := metricsIn(t, []byte(mustRun(t, append([]string{"calibrate", "--remedy", "temperature", "--fit-logits",
			filepath.Join(c.fold, "logits.npy"), "--fit-labels", filepath.Join(c.fold,
				"labels.npy"), "--json"}, on...)...).out))
		if math.Abs(warm.ECE["10"].Mean/100-want["ece"]) > 1e-9 {
			t.Errorf("%s under a temperature: %v, calibrate has %v", row, warm.ECE["10"], want["ece"])
		}
		var sets conformalDocument
		o := mustRun(t, append([]string{"conformal", "--score", "lac", "--coverage", "0.6", "--cal-logits",
			filepath.Join(c.fold, "logits.npy"), "--cal-labels", filepath.Join(c.fold,
				"labels.npy"), "--json"}, on...)...)
		if err := json.Unmarshal([]byte(o.out), &sets); err != nil {
			t.Fatal(err)
		}
		if got := v2.Sets["lac"]; math.Abs(got.Size.Mean-sets.Scores[0].MeanSize) > 1e-9 || !strings.Contains(
			fmt.Sprint(v2.CalibratedOn), "3 samples of imagenet#val") {
			t.Errorf("%s: sets %+v of %v, conformal has %+v", row, got, v2.CalibratedOn, sets.Scores[0])
		}
	}
	tta := append(paperArgs(t, "tta", t.TempDir())[:8], "--only", "RN50,zero-shot,ImageNet,EuroSAT")
	fails(t, append(tta, more...), "ImageNet: its validation part is what is measured", "--only")
	fails(t, append(tta[:len(tta)-1], "RN50,zero-shot,EuroSAT", "--sets", "lac", "--coverage", "0.9"),
		"EuroSAT: its validation fold has 3 samples", "at least 9")
	if _, err := os.Stat(filepath.Join(out, "adapters.html")); err != nil {
		t.Error(err)
	}
}

// Tuning has no source: each set's own fold is tuned too, and a calibrator of a file is
// one of every row.
func TestTablesOfTuningHaveTheFoldOfEachSet(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	l, y := drawnLogits(t, dir, "elsewhere", 60, 3, 1)
	saved := filepath.Join(dir, "warm.json")
	mustRun(t, "calibrate", "--logits", l, "--labels", y, "--remedy", "temperature", "--fit-on-measured",
		"--save-calibrator",
		saved)
	args := append(paperArgs(t, "tta", out)[:8], "--with", "views=10", "--only", "RN50,tpt,none,EuroSAT,UCF101",
		"--post-hoc",
		"temperature", "--calibrator", saved, "--sets", "lac", "--coverage", "0.6", "--json")
	var sheet paper.Sheet
	if err := json.Unmarshal([]byte(mustRun(t, args...).out), &sheet); err != nil {
		t.Fatal(err)
	}
	rows := map[string]paper.Line{}
	for _, row := range sheet.Blocks[0].Lines {
		rows[row.Row] = row
	}
	for i, set := range sheet.Blocks[0].Sets {
		asked, folder := set == "EuroSAT" || set == "UCF101", map[string]string{"EuroSAT": "eurosat",
			"UCF101": "ucf101"}[set]
		plain, own, other := rows["TPT"].Sets[i], rows["TPT + temperature"].Sets[i], rows["TPT + temperature of "+
			"warm"].Sets[i]
		if (plain.Accuracy != nil) != asked {
			t.Errorf("%s: %+v", set, plain)
		}
		if !asked {
			continue
		}
		if !strings.Contains(fmt.Sprint(plain.CalibratedOn), " "+folder+"#val") || len(plain.Sets) != 1 ||
			len(own.Sets) != 0 || own.WhyNoSets == "" || len(other.Sets) != 1 || own.ECE == nil || other.ECE == nil {
			t.Errorf("%s: %+v\n%+v\n%+v", set, plain, own, other)
		}
	}
	if notes := strings.Join(sheet.Notes, "\n"); !strings.Contains(notes, "fitted elsewhere, on 60 samples") {
		t.Error(notes)
	}
}
