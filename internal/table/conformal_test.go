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
	notes, err := table.Conformal(0.8)
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
	if err := table.Wide(Sets).WriteText(&grid); err != nil || !strings.Contains(grid.String(), "sketch cover") {
		t.Errorf("%s, %v", grid.String(), err)
	}
}

func TestSetsThatPromiseNothingAreNotMade(t *testing.T) {
	dir := t.TempDir()
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home", "home#val"}, 8}.write(t, dir,
		rand.New(rand.NewPCG(1, 1)))
	table := tableOf(t, dir)
	notes, err := table.Conformal(0.9)
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
	notes, err = table.Conformal(0.5)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "8 of its samples are in home#val") {
		t.Errorf("%q, %v", notes, err)
	}
	for _, e := range table.Groups[1].Cells["home"] {
		if _, ok := e.Values[keyCoverage]; ok || e.Sets() != nil {
			t.Error("sets of samples that they are calibrated on")
		}
	}
}
