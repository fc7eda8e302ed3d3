package study

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/recipe"
)

func sample() Task {
	return Task{Name: "x", Source: "/s", Drifts: []string{"/a", "/b"}, Few: "/f", FewDrifts: []string{"/g"},
		Templates: []string{"a photo of a {}."}, Shots: 4}
}

func TestStepsAreTheProtocol(t *testing.T) {
	o := Options{Weights: "w", Slow: 2, Seeds: map[string]int{Adapters: 10, Prompts: 5, TestTime: 3}}
	runs := map[string]int{}
	for _, s := range sample().Steps(o) {
		runs[s.Family] += len(s.Recipe.Cells())
	}
	want := map[string]int{Adapters: 6 * 3 * 10, Prompts: 4*4*5 + 2*4*2, TestTime: (3 + 3 + 2 + 1) * 3 * 3}
	if !reflect.DeepEqual(runs, want) {
		t.Errorf("%v runs, want %v", runs, want)
	}
	o.Only = []string{"coop", "penalty"}
	steps := sample().Steps(o)
	if len(steps) != 1 || !slices.Equal(steps[0].Recipe.Remedies(), []string{"none", "penalty"}) ||
		steps[0].Recipe.Source() != "/s#base" {
		t.Errorf("only coop under penalty: %+v", steps)
	}
	o.Only, o.Seeds[Adapters] = []string{Adapters, TestTime}, 0
	for _, s := range sample().Steps(o) {
		if s.Family != TestTime || s.Recipe.Command != recipe.Tune {
			t.Errorf("step %s", s.Recipe.ID)
		}
	}
}

// made are logits of n samples of three classes, correct with some probability by
// number, as confident as scale makes them.
func made(where string, n int, scale float64) Logits {
	l := Logits{Where: where, Logits: calib.NewMatrix(n, 3), ZeroShot: calib.NewMatrix(n, 3), Labels: make([]int, n)}
	for i := range n {
		l.Labels[i] = i % 3
		at := i % 3
		if i%5 == 0 {
			at = (i + 1) % 3
		}
		l.Logits.Row(i)[at] = scale * (1 + float64(i%7)/7)
		l.ZeroShot.Row(i)[at] = 1 + float64(i%7)/7
	}
	return l
}

// SaLS gives the zero-shot range, a temperature is that of the fold, and the fold
// itself is measured by halves.
func TestRowsOfFinishedLogits(t *testing.T) {
	all := []Logits{made(Fold, 60, 8), made(Home, 90, 8), made(New, 90, 8)}
	mapped, err := sals(all)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range mapped {
		for r := range l.Logits.N {
			if got, want := rangeOf(l.Logits.Row(r)), rangeOf(l.ZeroShot.Row(r)); math.Abs(got-want) > 1e-12 {
				t.Fatalf("target %d, row %d: range %v, want %v", i, r, got, want)
			}
		}
	}
	temperature, err := FitTemperature(all)
	if err != nil || temperature < 2 {
		t.Errorf("temperature %v, %v", temperature, err)
	}
	ours, err := calibrated(calib.Temperature, all)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ours[1].Logits.Row(0)[1], all[1].Logits.Row(0)[1]/temperature; math.Abs(got-want) > 1e-9 {
		t.Errorf("home logit %v, want %v", got, want)
	}
	even, _ := calib.FromRows([][]float64{ours[0].Logits.Row(0), ours[0].Logits.Row(1)})
	if even.Row(0)[1]*temperature == all[0].Logits.Row(0)[1] {
		t.Error("the fold is measured by what was fitted on it")
	}
	if v, err := calibrated(calib.Vector, all); err != nil || len(v) != 2 {
		t.Errorf("vector has %d targets, want the two with the fold's classes: %v", len(v), err)
	}
}

// The interval has both variances: over samples by the bootstrap, and over seeds.
func TestADifferenceHasTheVarianceOfSamplesAndSeeds(t *testing.T) {
	a, b := &row{}, &row{}
	for i, scale := range []float64{6, 7, 8} {
		for r, s := range map[*row]float64{a: scale, b: 2 + float64(i)} {
			m, err := measure(made(Home, 300, s), 10)
			if err != nil {
				t.Fatal(err)
			}
			r.add(string(rune('1'+i)), []measured{m})
		}
	}
	opt := calib.BootstrapOptions{Draws: 200, Options: calib.Options{Bins: 10}}
	found, err := difference(a, b, Home, opt)
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	if d := found[0]; !d.None() || d.P != 1 {
		t.Errorf("accuracy changes nowhere: %+v", d)
	}
	var values []float64
	var pa, pb []calib.Predictions
	for _, seed := range a.seeds {
		values = append(values, b.of[seed][0].metrics.ECE-a.of[seed][0].metrics.ECE)
		pa, pb = append(pa, a.of[seed][0].predictions), append(pb, b.of[seed][0].predictions)
	}
	plain, err := calib.PairedBootstrapMean(pa, pb, opt)
	if err != nil {
		t.Fatal(err)
	}
	mean, spread := meanAndVariance(values)
	half := 1.959963984540054 * math.Hypot(plain["ece"].StandardError, math.Sqrt(spread/3))
	if d := found[1]; math.Abs(d.Value-mean) > 1e-12 || math.Abs(d.High-d.Value-half) > 1e-12 || d.P <= 0 || d.P > 1 {
		t.Errorf("ECE %+v, want %v ± %v", d, mean, half)
	}
}

func TestAChoiceDoesNotSeeWhatItIsJudgedBy(t *testing.T) {
	cell := func(remedy, where string, accuracy, ece, width float64) Cell {
		return Cell{Key: Key{"x", Adapters, "taskres", remedy}, Seed: "1", Where: where, Accuracy: accuracy, ECE: ece,
			Width: width, Gap: math.Abs(width)}
	}
	s := Study{Results: Results{Cells: []Cell{
		cell("none", Fold, 0.6, 0.2, 0.3), cell("none", Home, 0.6, 0.2, 0.3),
		cell("sals", Fold, 0.6, 0.1, 0), cell("sals", Home, 0.6, 0.3, 0),
		cell("penalty", Fold, 0.5, 0.01, -0.1), cell("penalty", Home, 0.6, 0.1, -0.1), // costs too much accuracy
	}}}
	all := s.Choices()
	if len(all) != 2 || all[0].Remedy != "sals" || all[1].Remedy != "sals" || all[0].Good() || all[0].Best != 0.1 {
		t.Errorf("%+v", all)
	}
}
