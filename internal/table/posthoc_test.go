package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/npy"
)

// postHocRuns are runs of two remedies and two seeds with a validation fold.
func postHocRuns(t *testing.T) (dir string, found []Evaluation) {
	t.Helper()
	dir = t.TempDir()
	var runs []string
	for _, remedy := range []string{"none", "zs-norm"} {
		for seed := 1; seed <= 2; seed++ {
			run := filepath.Join(dir, fmt.Sprint(remedy, seed))
			madeRun{"taskres", remedy, 4, 0.1, seed, templates, []string{"home", "home#val", "sketch"},
				200}.writeAble(t, run,
				rand.New(rand.NewPCG(uint64(seed), uint64(len(remedy)))), 5)
			runs = append(runs, run)
		}
	}
	found, _, err := Read(runs, 10)
	if err != nil {
		t.Fatal(err)
	}
	return dir, found
}

func TestScalersAreFittedOnTheFoldOfTheSameRun(t *testing.T) {
	dir, found := postHocRuns(t)
	all, notes, err := PostHoc{Kinds: []string{calib.Temperature, calib.Isotonic}}.Add(found)
	if err != nil {
		t.Fatal(err)
	}
	// Zero-shot once and four runs, on three targets, under two scalers.
	if len(all) != 3*(1+4)*3 {
		t.Fatalf("%d evaluations; %q", len(all), notes)
	}
	table := Make(all, 10)
	checked := 0
	for _, g := range table.Groups {
		base := strings.TrimSuffix(strings.TrimSuffix(g.Fields["remedy"], "temperature"), "+")
		if g.Fields["method"] == ZeroShot || g.Fields["remedy"] == base {
			continue
		}
		if base == "" {
			base = "none"
		}
		for i, e := range g.Cells["sketch"] {
			// By hand, from the files.
			at := filepath.Join(dir, fmt.Sprint(base, i+1), "targets")
			read := func(name string) (calib.Matrix, []int) {
				n, k, values, err := npy.ReadMatrix(filepath.Join(at, name, "logits.npy"))
				if err != nil {
					t.Fatal(err)
				}
				labels, err := npy.ReadLabels(filepath.Join(at, name, "labels.npy"))
				if err != nil {
					t.Fatal(err)
				}
				return calib.Matrix{N: n, K: k, Data: values}, labels
			}
			fold, foldLabels := read("home#val")
			logits, labels := read("sketch")
			fit, err := calib.FitTemperature(fold, foldLabels)
			if err != nil {
				t.Fatal(err)
			}
			for j := range logits.Data {
				logits.Data[j] /= fit.T
			}
			p, err := calib.Predict(logits, labels)
			if err != nil {
				t.Fatal(err)
			}
			if f := e.FittedOn(); math.Abs(p.ECE(10)-e.Metrics.ECE) > 1e-9 || f.Fold != "home#val" ||
				f.Samples != 200 ||
				f.Temperature != fit.T || f.SHA256 != "list-of-home#val" {
				t.Errorf("%s, seed %s: ECE %v, want %v; %+v", g.Fields["remedy"], e.Seed, e.Metrics.ECE, p.ECE(10), f)
			}
			checked++
		}
		for _, e := range g.Cells["home#val"] {
			if e.FittedOn().Parts != foldParts {
				t.Errorf("on the fold itself: %+v", e.FittedOn())
			}
		}
	}
	if checked != 4 {
		t.Errorf("%d checked", checked)
	}
	text := strings.Join(notes, "\n")
	if !strings.Contains(text, "own logits of home#val, 200 samples") || !strings.Contains(text, "home#val itself") {
		t.Errorf("notes %s", text)
	}
	// Every form says what was fitted on what.
	var wide, tidy, across bytes.Buffer
	if err := table.Wide(Main).WriteText(&wide); err != nil || !strings.Contains(wide.String(),
		"+ zs-norm+temperature") &&
		!strings.Contains(wide.String(), "+ ZS-Norm+temperature") || strings.Count(wide.String(), "home#val") < 6 {
		t.Errorf("%v\n%s", err, wide.String())
	}
	if err := table.WriteTidy(&tidy); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&tidy).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(rows[0], "fitted_on")
	for _, row := range rows[1:] {
		scaled := strings.HasSuffix(row[1], "temperature") || strings.HasSuffix(row[1], "isotonic")
		if scaled != strings.HasPrefix(row[at], "home#val, 200 samples") {
			t.Fatalf("%q is fitted on %q", row[1], row[at])
		}
	}
	if err := table.WriteWide(&across); err != nil || !strings.Contains(across.String(), "home#val, 200 samples") {
		t.Error(err)
	}
	raw, err := json.Marshal(&table)
	if err != nil || !bytes.Contains(raw, []byte(`"fold":"home#val"`)) {
		t.Error(err)
	}
	// They are compared with the row without a remedy, and have no sets.
	differences, _, err := table.Differences(calib.BootstrapOptions{Draws: 50})
	if err != nil || !slices.ContainsFunc(differences, func(d Difference) bool {
		return d.Group.Fields["remedy"] == "zs-norm+temperature" && d.Target == "sketch" && len(d.Seeds) == 2
	}) {
		t.Errorf("%v", err)
	}
	sets, err := table.Conformal(0.8, calib.LAC)
	if err != nil || !strings.Contains(strings.Join(sets, "\n"), "fold that was fitted on") {
		t.Errorf("%q, %v", sets, err)
	}
	for _, g := range table.Groups {
		for _, e := range g.Cells["sketch"] {
			if (e.Sets() != nil) != (e.FittedOn() == nil) {
				t.Errorf("%s: sets %v", g.Fields["remedy"], e.Sets())
			}
		}
	}
}

func TestScalersAreNotFittedOnWhatIsMeasured(t *testing.T) {
	dir, _ := postHocRuns(t)
	run := filepath.Join(dir, "none1")
	add := func() error {
		found, _, err := Read([]string{run}, 10)
		if err != nil {
			t.Fatal(err)
		}
		all, notes, err := PostHoc{Kinds: []string{calib.Temperature}}.Add(found)
		for _, e := range all {
			if e.FittedOn() != nil && e.Target.Name == "sketch" {
				t.Errorf("a row on sketch; notes %q", notes)
			}
		}
		return fmt.Errorf("%s %w", strings.Join(notes, "\n"), err)
	}
	replace := func(file, old, new string) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, bytes.ReplaceAll(raw, []byte(old), []byte(new)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The pictures are the fold's, by their hash.
	sketch := filepath.Join(run, "targets", "sketch")
	replace(filepath.Join(sketch, "target.yaml"), "list-of-sketch", "list-of-home#val")
	if err := add(); !strings.Contains(err.Error(), "which it would be fitted on") {
		t.Errorf("one list of pictures: %v", err)
	}
	// The samples are the fold's, by their logits.
	replace(filepath.Join(sketch, "target.yaml"), "list-of-home#val", "another-list")
	for _, name := range []string{"logits.npy", "zero_shot_logits.npy", "labels.npy"} {
		raw, err := os.ReadFile(filepath.Join(run, "targets", "home#val", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sketch, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(); !strings.Contains(err.Error(), "200 of its samples are in") {
		t.Errorf("one file of logits: %v", err)
	}
	// The run learnt from the fold.
	replace(filepath.Join(run, "recipe.yaml"), "train1", "'list-of-home#val'")
	if err := add(); !strings.Contains(err.Error(), "it is what the run learnt from") {
		t.Errorf("a fold that was learnt from: %v", err)
	}
	// There is no fold.
	if err := os.RemoveAll(filepath.Join(run, "targets", "home#val")); err != nil {
		t.Fatal(err)
	}
	if err := add(); !strings.Contains(err.Error(), "no row has a post-hoc scaler") ||
		!strings.Contains(err.Error(), "SOURCE#val") {
		t.Errorf("no fold: %v", err)
	}
}

func TestATemperatureCarriesOver(t *testing.T) {
	dir, found := postHocRuns(t)
	saved := Saved{Name: "elsewhere"}
	saved.Calibrator = calib.Calibrator{Kind: calib.Temperature, Classes: 1000, Temperature: 2}
	saved.Fold = calib.Fold{Logits: "imagenet.npy", LogitsSHA256: strings.Repeat("ab", 32)}
	saved.Fold.Samples = 50
	all, notes, err := PostHoc{Saved: []Saved{saved}}.Add(found)
	if err != nil || len(all) != 2*len(found) {
		t.Fatal(len(all), err)
	}
	if text := strings.Join(notes, "\n"); !strings.Contains(text, "fitted elsewhere, on imagenet.npy, 50 samples") ||
		!strings.Contains(text, "T = 2") {
		t.Error(text)
	}
	for i, e := range found {
		scaled := all[len(found)+i]
		if e.Metrics.Accuracy != scaled.Metrics.Accuracy ||
			math.Abs(scaled.Metrics.LogitRange-e.Metrics.LogitRange/2) > 1e-12 {
			t.Errorf("%+v, %+v", e.Metrics, scaled.Metrics)
		}
	}
	table := Make(all, 10)
	if _, err := table.Conformal(0.8, calib.LAC); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, g := range table.Groups {
		names[g.Fields["remedy"]] = true
		if g.Cells["sketch"][0].Sets() == nil {
			t.Errorf("%s has no sets", g.Fields["remedy"])
		}
	}
	if !names["temperature of elsewhere"] || !names["zs-norm+temperature of elsewhere"] {
		t.Errorf("rows %v", names)
	}
	// Not on the very pictures that it was fitted on, whoever's logits of them.
	saved.Fold.DataSHA256 = "list-of-sketch"
	all, notes, err = PostHoc{Saved: []Saved{saved}}.Add(found)
	if err != nil || !strings.Contains(strings.Join(notes, "\n"), "labels of these very pictures") {
		t.Errorf("%q, %v", notes, err)
	}
	for _, e := range all {
		if e.FittedOn() != nil && e.Target.Name == "sketch" {
			t.Error("a row on the pictures of the fit")
		}
	}
	_ = dir
}
