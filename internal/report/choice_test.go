package report

import (
	"math"
	"slices"
	"strings"
	"testing"

	"clipcalib/calib"
)

// validated gives the adapted runs a validation fold on which remedies do as
// told, whatever the test says.
func validated(ece map[string]float64, accuracy map[string]float64) []Run {
	runs := fixedRuns()
	runs = slices.DeleteFunc(runs, func(r Run) bool { return r.Target == "clay" })
	for _, r := range fixedRuns() { // a second remedy, far the best on the test
		if r.Method == "taskres" && r.Remedy == "sals" {
			r.Remedy, r.Metrics.ECE = "penalty", 0.001
			runs = append(runs, r)
		}
	}
	for i, r := range runs {
		if r.Method == "taskres" {
			runs[i].Validation = &calib.Metrics{ECE: ece[r.Remedy], Accuracy: accuracy[r.Remedy]}
		}
	}
	return runs
}

func TestTheRemedyIsChosenOnTheValidationFold(t *testing.T) {
	level := map[string]float64{"none": 0.8, "sals": 0.8, "penalty": 0.8}
	eces := map[string]float64{"none": 0.2, "sals": 0.1, "penalty": 0.15}
	g := groupRuns(validated(eces, level))
	if got, ok := g.choose("taskres"); got != "sals" || !ok {
		t.Errorf("chose %q, %v, though sals is best on the validation fold", got, ok)
	}
	tiles := g.tiles("taskres")
	last := tiles[len(tiles)-1]
	if last.Label != "ECE under drift with the chosen remedy, SaLS" || last.Value != "21.0 → 9.0 %" ||
		last.More != "accuracy 40.0 → 40.0 % (±0.0 points)" || !strings.Contains(last.Note, "validation") {
		t.Errorf("%+v", last)
	}
	costly := map[string]float64{"none": 0.8, "sals": 0.7, "penalty": 0.795}
	if got, _ := groupRuns(validated(eces, costly)).choose("taskres"); got != "penalty" {
		t.Errorf("chose %q, though sals costs 10 points of accuracy", got)
	}
	worse := map[string]float64{"none": 0.05, "sals": 0.1, "penalty": 0.15}
	if got, ok := groupRuns(validated(worse, level)).choose("taskres"); got != "" || !ok {
		t.Errorf("chose %q, though all are worse than none", got)
	}
}

func TestWhereNoTargetWasLearntFromNoneDrifts(t *testing.T) {
	runs := fixedRuns()
	for i := range runs {
		runs[i].Source = false
	}
	g := groupRuns(runs)
	if c := g.columns(); c[0].name != "average" || len(c[0].targets) != 3 {
		t.Errorf("%+v", c)
	}
	for _, tile := range g.tiles("taskres") {
		if strings.Contains(tile.Label, "drift") {
			t.Errorf("%+v", tile)
		}
	}
}

func TestNoRemedyIsNamedBestWithoutAValidationFold(t *testing.T) {
	runs := validated(nil, nil)
	for i := range runs {
		runs[i].Validation = nil
	}
	g := groupRuns(runs)
	if _, ok := g.choose("taskres"); ok || g.remedyNote("taskres") == "" {
		t.Error("a remedy is chosen, or it is not said why none is")
	}
	var labels []string
	for _, tile := range g.tiles("taskres") {
		labels = append(labels, tile.Label)
	}
	if !slices.Equal(labels[len(labels)-2:], []string{"ECE under drift, + Penalty", "ECE under drift, + SaLS"}) {
		t.Errorf("tiles %q", labels)
	}
	// One run without the fold leaves nothing to compare all by.
	part := validated(nil, nil)
	part[len(part)-1].Validation, part[len(part)-2].Validation = nil, nil
	part[len(part)-3].Validation, part[len(part)-4].Validation = nil, nil
	if got, ok := groupRuns(part).choose("taskres"); ok {
		t.Errorf("chose %q though a remedy was not measured on the fold", got)
	}
}

func TestADriftAtChanceIsNotFeatured(t *testing.T) {
	g := groupRuns(fixedRuns())
	// Clay has the worst ECE, and accuracy 0.3 and 0.25; sketch has 0.4.
	if got := g.telling("taskres", 4); !slices.Equal(got, []string{"home", "clay"}) {
		t.Errorf("of 4 classes, all at chance: %v", got)
	}
	if got := g.telling("taskres", 6); !slices.Equal(got, []string{"home", "sketch"}) {
		t.Errorf("of 6 classes: %v, want sketch: clay is at chance", got)
	}
	if got := g.telling("taskres", 100); !slices.Equal(got, []string{"home", "clay"}) {
		t.Errorf("of 100 classes: %v", got)
	}
}

func TestIntervalsAreWilsons(t *testing.T) {
	// scipy.stats.binomtest(k, n).proportion_ci(method="wilson"), SciPy 1.17.1.
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{{0, 5, 0, 0.43448246}, {5, 10, 0.23659309, 0.76340691}, {95, 100, 0.88824953, 0.97845676}} {
		low, high := wilson(float64(c.hits)/float64(c.n), c.n)
		if math.Abs(low-c.low) > 1e-6 || math.Abs(high-c.high) > 1e-6 {
			t.Errorf("%d of %d: %v to %v, want %v to %v", c.hits, c.n, low, high, c.low, c.high)
		}
	}
}

func TestATargetKeepsItsColourThroughoutThePage(t *testing.T) {
	first := fixedRuns()
	var second []Run
	for _, r := range fixedRuns() {
		if r.Target == "clay" || r.Target == "sketch" {
			second = append(second, r)
		}
	}
	p := Page{Sections: []Section{{Runs: first}, {Runs: second}}}
	colours := p.colours()
	seen := map[ink]bool{}
	for _, c := range colours {
		seen[c] = true
	}
	if len(colours) != 3 || len(seen) != 3 {
		t.Errorf("%v", colours)
	}
	if got := newSectionView(1, p.Sections[1],
		colours).Table.Columns; got[len(got)-1].Colour != "f-"+inkNames[colours[got[len(got)-1].Name]] {
		t.Errorf("%+v", got)
	}
}
