package table

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/calib"
)

func TestSetsAreCalibratedOnTheFoldOfTheSameRun(t *testing.T) {
	dir := t.TempDir()
	for seed := 1; seed <= 2; seed++ {
		madeRun{"zslp", "none", 4, 0.1, seed, templates, []string{"home", "home#val", "sketch"}, 300}.write(t,
			filepath.Join(dir, string(rune('a'+seed))), rand.New(rand.NewPCG(uint64(seed), 1)))
	}
	table := tableOf(t, dir)
	notes, err := table.Conformal(0.8, calib.LAC)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "300 samples of home#val") ||
		!strings.Contains(notes[0], "not under drift") {
		t.Fatalf("%q, %v", notes, err)
	}
	expected, err := calib.CoverageInterval(300, 300, 0.8, 0.9999)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range table.Groups {
		for name, cell := range g.Cells {
			for _, e := range cell {
				v, ok := e.Values[keyCoverage]
				if ok != (name != "home#val") || ok && !expected.Contains(v) || ok && e.Values[keySetSize] <= 1 {
					t.Errorf("%s on %s: coverage %v (%v), want within %v", e.Fields["method"], name, v, ok, expected)
				}
			}
		}
	}
	// One by hand.
	g := table.Groups[1]
	fold, e := g.Cells["home#val"][1], g.Cells["sketch"][1]
	c, err := calib.FitConformal(fold.logits, fold.labels, calib.ConformalOptions{Coverage: 0.8})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := c.Sets(e.logits)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := calib.EvaluateSets(sets, e.labels, c.Classes, 0.8); err != nil || f.Coverage != e.Values[keyCoverage] {
		t.Errorf("%v, want %v (%v)", e.Values[keyCoverage], f.Coverage, err)
	}
	var grid strings.Builder
	if err := table.Wide(SetMetrics(calib.LAC)).WriteText(&grid); err != nil || !strings.Contains(grid.String(),
		"sketch cover") {
		t.Errorf("%s, %v", grid.String(), err)
	}
}

func TestSetsThatPromiseNothingAreNotMade(t *testing.T) {
	dir := t.TempDir()
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home", "home#val"}, 8}.write(t, dir,
		rand.New(rand.NewPCG(1, 1)))
	table := tableOf(t, dir)
	notes, err := table.Conformal(0.9, calib.LAC)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "at least 9") {
		t.Errorf("%q, %v", notes, err)
	}
	// The target's samples are the fold's.
	from, to := filepath.Join(dir, "targets", "home#val"), filepath.Join(dir, "targets", "home")
	for _, name := range []string{"logits.npy", "zero_shot_logits.npy", "labels.npy"} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	table = tableOf(t, dir)
	notes, err = table.Conformal(0.5, calib.LAC)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "8 of its samples are in home#val") {
		t.Errorf("%q, %v", notes, err)
	}
	for _, e := range table.Groups[1].Cells["home"] {
		if _, ok := e.Values[keyCoverage]; ok || e.Sets() != nil {
			t.Error("sets of samples that they are calibrated on")
		}
	}
}

func TestSetsAreMadeInEveryWayAsCalibMakesThem(t *testing.T) {
	dir := t.TempDir()
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home", "home#val", "sketch"}, 200}.writeAble(t, dir,
		rand.New(rand.NewPCG(2, 1)), 4)
	table := tableOf(t, dir)
	notes, err := table.Conformal(0.8, SetKinds()...)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "LAC, APS, RAPS, CONF-OT") {
		t.Fatalf("%q, %v", notes, err)
	}
	g := table.Groups[1]
	fold, e := g.Cells["home#val"][0], g.Cells["sketch"][0]
	a, b, err := calib.ConfOT(fold.logits, e.logits, fold.labels, calib.TransportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range SetKinds() {
		o := calib.ConformalOptions{Score: kind, Coverage: 0.8, K: 1}
		var from, to calib.Rows = fold.logits, e.logits
		if kind == ConfOT {
			o.Score, from, to = calib.LAC, calib.LogRows(a), calib.LogRows(b)
		}
		c, err := calib.FitConformal(from, fold.labels, o)
		if err != nil {
			t.Fatal(err)
		}
		sets, err := c.Sets(to)
		if err != nil {
			t.Fatal(err)
		}
		f, err := calib.EvaluateSets(sets, e.labels, 5, 0.8)
		if err != nil {
			t.Fatal(err)
		}
		name := "conformal_" + strings.ReplaceAll(kind, "-", "_") + "_"
		if kind == calib.LAC {
			name = "conformal_"
		}
		if e.Values[name+"coverage"] != f.Coverage || e.Values[name+"set_size"] != f.MeanSize ||
			e.Values[name+"class_gap"] != f.ClassGap || e.Sets()[kind].MedianSize != f.MedianSize {
			t.Errorf("%s: %v, want %+v", kind, e.Values, f)
		}
		if i, ok := g.Interval("sketch", name+"coverage"); !ok || i.Interval != f.CoverageInterval ||
			i.Kind != ByWilson {
			t.Errorf("%s: interval %+v", kind, i)
		}
	}
	var text strings.Builder
	if err := table.Wide(SetMetrics(SetKinds()...)).WriteText(&text); err != nil || !strings.Contains(text.String(),
		"sketch CONF-OT class gap") {
		t.Errorf("%s, %v", text.String(), err)
	}
	// A class without a sample in the fold: no sets by optimal transport, and it is said.
	for i, y := range g.Cells["home#val"][0].labels {
		g.Cells["home#val"][0].labels[i] = y % 4
	}
	table = Make([]Evaluation{g.Cells["home#val"][0], g.Cells["sketch"][0]}, 10)
	delete(table.Groups[0].Cells["sketch"][0].sets, ConfOT)
	notes, err = table.Conformal(0.8, calib.LAC, ConfOT)
	if _, ok := table.Groups[0].Cells["sketch"][0].Sets()[ConfOT]; err != nil || ok ||
		!strings.Contains(strings.Join(notes, "\n"), "no sets by conf-ot") {
		t.Errorf("%v, %q, %v", ok, notes, err)
	}
}

// A scaler's row without one on the fold is not called a run that was not evaluated.
func TestAScalersRowWithoutAFoldIsSaidToBeOne(t *testing.T) {
	w := setsWork{fold: "home#val", said: map[string]bool{}}
	for _, e := range []Evaluation{{fitted: &Fitted{Elsewhere: true}}, {}} {
		if err := w.make(&e, nil); err != nil {
			t.Fatal(err)
		}
	}
	if w.without != 1 || len(w.notes) != 1 || !strings.Contains(w.notes[0],
		"scalers from files have no conformal sets") {
		t.Errorf("%d without a fold, %q", w.without, w.notes)
	}
}
