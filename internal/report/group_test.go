package report

import (
	"math"
	"slices"
	"testing"
)

func TestRowsAndTargetsAreOrdered(t *testing.T) {
	g := groupRuns(fixedRuns())
	if want := []rowKey{{ZeroShot, ""}, {"taskres", ""}, {"taskres", "sals"}}; !slices.Equal(g.rows, want) {
		t.Errorf("rows %v, want %v", g.rows, want)
	}
	if want := []string{"home", "sketch", "clay"}; !slices.Equal(g.targets, want) {
		t.Errorf("targets %v, want %v", g.targets, want)
	}
	shuffled := fixedRuns()
	slices.Reverse(shuffled)
	g = groupRuns(shuffled)
	if g.targets[0] != "home" || g.rows[0].method != ZeroShot || g.rows[1].remedy != "" {
		t.Errorf("after reversing: %v %v", g.targets, g.rows)
	}
}

func TestAverageOverTargetsIsPerSeed(t *testing.T) {
	g := groupRuns(fixedRuns())
	// Seed 1: (0.04+0.1)/2, seed 2: (0.06+0.1)/2.
	s, ok := g.meanOver(rowKey{ZeroShot, ""}, []string{"sketch", "clay"}, ece)
	if !ok || math.Abs(s.Mean-0.075) > 1e-12 || math.Abs(s.Std-0.01/math.Sqrt2) > 1e-12 || s.N != 2 {
		t.Errorf("%+v, %v", s, ok)
	}
	// Seed 2 of taskres has no clay, so only seed 1 counts.
	s, ok = g.meanOver(rowKey{"taskres", ""}, []string{"sketch", "clay"}, ece)
	if !ok || math.Abs(s.Mean-0.25) > 1e-12 || s.N != 1 {
		t.Errorf("%+v, %v", s, ok)
	}
	if _, ok = g.meanOver(rowKey{"taskres", "sals"}, []string{"sketch", "clay"}, ece); ok {
		t.Error("an average over a target that was not measured")
	}
}

func TestSeedsArePooledInDiagrams(t *testing.T) {
	g := groupRuns(fixedRuns())
	r := g.at(rowKey{ZeroShot, ""}, "home").reliability()
	if b := r.Bins[6]; b.Count != 20 || math.Abs(b.Accuracy-0.55) > 1e-12 || math.Abs(b.Confidence-0.7) > 1e-12 {
		t.Errorf("%+v", b)
	}
	if r.Samples != 20 || math.Abs(r.ECE-0.06) > 1e-12 {
		t.Errorf("%+v", r)
	}
}

func TestDiagramsShownAreTheSourceAndTheWorstDrift(t *testing.T) {
	if got := groupRuns(fixedRuns()).telling("taskres", 0); !slices.Equal(got, []string{"home", "clay"}) {
		t.Errorf("%v", got)
	}
}
