package run_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/data"
	"clipcalib/internal/docfile"
	"clipcalib/internal/run"
)

// evaluated keeps a run and an evaluation of it, named by the spec of its data.
func evaluated(t *testing.T, spec string, r adapt.Remedy) (dir, target string) {
	t.Helper()
	features, _ := files(t)
	dir = filepath.Join(t.TempDir(), "run")
	o := options(features, dir)
	o.Remedy = r
	o.Inputs.Data, o.Inputs.DataSHA256 = "/sets/icons", "train"
	for _, name := range []string{"a", "b", "c", "d"} {
		o.Classes = append(o.Classes, run.Class{Name: name})
	}
	train(t, o)
	d := sample(2, 30, 1.5)
	d.Prototypes = adapt.Matrix{}
	res, err := run.Eval(t.Context(), run.EvalOptions{Run: dir, Data: &d, Name: "icons",
		Inputs: run.Inputs{Data: spec, DataSHA256: "fold"}})
	if err != nil {
		t.Fatal(err)
	}
	return dir, res.Dir
}

func TestTheValidationFoldCalibrates(t *testing.T) {
	dir, target := evaluated(t, "/sets/icons#val", adapt.SaLS{})
	ev, err := run.Calibration(dir, "")
	if err != nil || ev.Dir != target || ev.Logits.N != 30 {
		t.Fatalf("%s, %v", ev.Dir, err)
	}
	// Drift is told by the same fold, from the logits before SaLS.
	d, err := run.ReadDrift(dir)
	if err != nil || d.Fold != "icons" || d.Pictures != 30 || d.Ratios[50] == 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if err := os.Remove(filepath.Join(target, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(target, "drift.json")); err != nil {
		t.Fatal(err)
	}
	if d, err = run.ReadDrift(dir); err != nil || d.Fold != "" || d.Pictures != 24 {
		t.Errorf("without those of the fold: %+v, %v", d, err)
	}
}

// What gives no guarantee is refused, and both sides are named.
func TestFoldsThatGiveNoGuaranteeAreRefused(t *testing.T) {
	dir, target := evaluated(t, "/sets/icons", adapt.None{})
	other, _ := evaluated(t, "/sets/icons#val", adapt.SaLS{})
	refused := func(name, dir, fold string, words ...string) {
		t.Helper()
		_, err := run.Calibration(dir, fold)
		for _, w := range words {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want %q", name, err, w)
			}
		}
	}
	refused("no validation fold", dir, "", "#val", "--calibration")
	refused("no folder", dir, filepath.Join(dir, "none"), "none", "clipcalib eval")
	refused("another run", other, target, "another run", "remedy none", "remedy sals")
	if _, err := run.Calibration(dir, target); err != nil {
		t.Errorf("an evaluation by name: %v", err)
	}
	// Pictures that were learnt from.
	rows := []data.Row{{File: "a/1.png", Class: "a"}, {File: "a/2.png", Class: "a"}}
	if err := data.WriteRows(filepath.Join(dir, run.ShotsFile), rows); err != nil {
		t.Fatal(err)
	}
	if err := data.WriteRows(filepath.Join(target, data.RowsFile),
		append(rows, data.Row{File: "a/3.png"})); err != nil {
		t.Fatal(err)
	}
	refused("shots in the fold", dir, target, "2 pictures", "a/1.png", "learnt")
	// Of a set that is not there to look, one name in common may be another part's.
	if err := data.WriteRows(filepath.Join(target, data.RowsFile), rows[1:]); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Calibration(dir, target); err != nil {
		t.Errorf("one name of two: %v", err)
	}
	// Other parameters.
	var m map[string]any
	path := filepath.Join(target, "target.yaml")
	if err := docfile.ReadYAML(path, &m); err != nil {
		t.Fatal(err)
	}
	m["parameters_sha256"] = "0123456789abcdef"
	for _, name := range []string{"manifest.json", data.RowsFile} {
		if err := os.Remove(filepath.Join(target, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := docfile.WriteYAML(path, m); err != nil {
		t.Fatal(err)
	}
	refused("other parameters", dir, target, "another run", "0123456789ab")
}
