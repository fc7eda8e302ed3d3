package table

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/npy"
)

// The ends are SciPy's: mean ± t.ppf(0.975, 2) * std / sqrt(3).
func TestIntervalsOverSeedsAreStudents(t *testing.T) {
	i, ok := SpreadOf([]float64{0.3, 0.5, 0.1}).StudentInterval()
	if !ok || math.Abs(i.Low+0.19682754235006605) > 1e-12 || math.Abs(i.High-0.796827542350066) > 1e-12 ||
		i.Kind != OverSeeds {
		t.Errorf("%+v, %v", i, ok)
	}
	if _, ok := SpreadOf([]float64{0.3}).StudentInterval(); ok {
		t.Error("one seed has an interval over seeds")
	}
}

func TestOneRunHasWilsonsAndBootstrapIntervals(t *testing.T) {
	dir := t.TempDir()
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home"}, 200}.write(t, dir, rand.New(rand.NewPCG(1, 1)))
	table := tableOf(t, dir)
	g := table.Groups[1]
	hits := int(math.Round(200 * g.Cells["home"][0].Values["accuracy"]))
	want, err := calib.Wilson(hits, 200, 0.95)
	if i, ok := g.Interval("home", "accuracy"); err != nil || !ok || i.Interval != want || i.Kind != ByWilson {
		t.Errorf("%+v, want %+v", i, want)
	}
	if i, ok := g.Interval("home", "ece"); ok {
		t.Errorf("an interval that nothing was drawn for: %+v", i)
	}
	if err := table.Resample(calib.BootstrapOptions{Draws: 200}); err != nil {
		t.Fatal(err)
	}
	drawn, err := g.Cells["home"][0].Predictions.Bootstrap(calib.BootstrapOptions{Draws: 200,
		Options: calib.Options{Bins: 10}})
	if i, ok := table.Groups[1].Interval("home", "ece"); err != nil || !ok || i.Interval != drawn["ece"].Interval ||
		i.Kind != ByBootstrap {
		t.Errorf("%+v, want %+v", i, drawn["ece"])
	}
	var tidy, wide bytes.Buffer
	if err := table.WriteTidy(&tidy); err != nil {
		t.Fatal(err)
	}
	if err := table.WriteWide(&wide); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&tidy).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	low, kind := slices.Index(rows[0], "low"), slices.Index(rows[0], "interval")
	metric := slices.Index(rows[0], "metric")
	for _, row := range rows[1:] {
		if row[metric] == "accuracy" && row[0] == "zslp" && (row[low] != number(want.Low) || row[kind] != ByWilson) {
			t.Errorf("%v", row)
		}
	}
	if !strings.Contains(wide.String(), "home ece low,home ece high") {
		t.Errorf("%.300s", wide.String())
	}
}

func TestRemediesAreComparedWithNone(t *testing.T) {
	table := tableOf(t, grid(t))
	opt := calib.BootstrapOptions{Draws: 200}
	all, notes, err := table.Differences(opt)
	if err != nil || len(notes) != 0 || len(all) != 2*3*3*2*2 {
		t.Fatalf("%d differences, notes %q, %v", len(all), notes, err)
	}
	var p, adjusted []float64
	for _, d := range all {
		p, adjusted = append(p, d.P), append(adjusted, d.Adjusted)
		if fmt.Sprint(d.Seeds) != "[1 2 3]" || d.None() {
			t.Errorf("%+v", d)
		}
	}
	if want, err := calib.BenjaminiHochberg(p); err != nil || !slices.Equal(adjusted, want) {
		t.Errorf("adjusted %v, want %v", adjusted, want)
	}
	// One by hand.
	g := all[0].Group
	var a, b []calib.Predictions
	for _, o := range table.Groups {
		if o.Fields["method"] == g.Fields["method"] && o.Fields["shots"] == g.Fields["shots"] &&
			o.Fields["remedy"] == "none" {
			for _, e := range o.Cells[all[0].Target] {
				a = append(a, e.Predictions)
			}
		}
	}
	for _, e := range g.Cells[all[0].Target] {
		b = append(b, e.Predictions)
	}
	opt.Bins = 10
	want, err := calib.PairedBootstrapMean(a, b, opt)
	if err != nil || want[all[0].Metric] != all[0].Difference {
		t.Errorf("%+v, want %+v (%v)", all[0].Difference, want[all[0].Metric], err)
	}
}

func TestWhatDifferencesSay(t *testing.T) {
	make := func(n int, zero bool, adjusted float64) (out []Difference) {
		for range n {
			d := Difference{Metric: "ece", Adjusted: adjusted}
			d.Value, d.StandardError, d.IncludesZero, d.Detectable = 0.01, 0.01, zero, 0.03
			out = append(out, d)
		}
		return out
	}
	exact := Difference{Metric: "accuracy", Adjusted: 1}
	exact.IncludesZero = true
	for _, c := range []struct {
		all   []Difference
		words []string
	}{
		{nil, nil},
		{make(3, true, 0.9), []string{"3 differences", "every difference includes zero", "ECE 3.0 points"}},
		{append(make(2, true, 0.9), exact), []string{"2 differences", "every difference includes zero",
			"1 more are exactly"}},
		{make(3, false, 0.2), []string{"3 intervals exclude zero", "none is told"}},
		{append(make(3, false, 0.01), make(2, true, 0.9)...), []string{"3 are told from zero",
			"2 intervals include zero"}},
		{[]Difference{exact}, []string{"none of them changes"}},
	} {
		got := strings.Join(DifferenceNotes(c.all, 200), "; ")
		for _, w := range c.words {
			if !strings.Contains(got, w) {
				t.Errorf("%q lacks %q", got, w)
			}
		}
		if (got == "") != (c.all == nil) {
			t.Errorf("%q of %d differences", got, len(c.all))
		}
	}
}

func TestValidationFoldsAreNoResults(t *testing.T) {
	dir := t.TempDir()
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home", "home#val", "sketch"}, 40}.write(t,
		filepath.Join(dir, "a"), rand.New(rand.NewPCG(1, 1)))
	table := tableOf(t, dir)
	if fmt.Sprint(table.Folds()) != "[home#val]" {
		t.Fatalf("%q", table.Folds())
	}
	results := table.Results()
	if len(results.Targets) != 2 || len(results.Groups[1].Cells) != 2 || len(table.Targets) != 3 ||
		len(table.Groups[1].Cells) != 3 {
		t.Errorf("%+v", results)
	}
	// Of test-time tuning, which learns from no set, every such fold is one.
	tuned := table
	tuned.Targets = slices.Clone(table.Targets)
	for i := range tuned.Targets {
		tuned.Targets[i].Source = false
	}
	if fmt.Sprint(tuned.Folds()) != "[home#val]" {
		t.Errorf("%q", tuned.Folds())
	}
	rest := tuned.Results()
	if columns := rest.wideColumns(); columns[0].title != "average" || len(columns[0].targets) != 2 {
		t.Errorf("%+v", columns)
	}
	if columns := results.wideColumns(); len(columns) != 2 {
		t.Errorf("%+v", columns)
	}
	// Alone it is what there is to show.
	alone := t.TempDir()
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home#val"}, 40}.write(t, alone, rand.New(rand.NewPCG(1, 1)))
	if table = tableOf(t, alone); len(table.Folds()) != 0 || len(table.Groups[1].Cells) != 1 {
		t.Errorf("%q", table.Folds())
	}
}

// The zero-shot row is of the first run: that another's gave other figures is said.
func TestZeroShotModelsThatDifferAreSaidToDo(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		madeRun{"zslp", "none", 4, 0.1, int(name[0]), templates, []string{"home", "sketch"}, 60}.write(t,
			filepath.Join(dir, name), rand.New(rand.NewPCG(1, 1)))
	}
	if n := strings.Join(tableOf(t, dir).Notes, "\n"); strings.Contains(n, "zero-shot") {
		t.Errorf("of one zero-shot model: %s", n)
	}
	path := filepath.Join(dir, "b", "targets", "sketch", "zero_shot_logits.npy")
	n, k, values, err := npy.ReadMatrix(path)
	if err != nil {
		t.Fatal(err)
	}
	other := make([]float32, len(values))
	for i, v := range values {
		other[i] = 2 * float32(v)
	}
	if err := npy.WriteFile(path, other, n, k); err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(tableOf(t, dir).Notes, "\n")
	if strings.Count(notes, "gives other figures on sketch") != 1 || !strings.Contains(notes, filepath.Join(dir, "b")) {
		t.Errorf("notes %s", notes)
	}
}
