package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/run"
)

// A fold of a run is of the data set that it learnt from, and of the half of its
// classes that it learnt.
func TestTheFoldOfARunIsOfItsHalfOfTheClasses(t *testing.T) {
	for _, c := range []struct {
		source, target  string
		fold, validates bool
	}{
		{"/sets/pets", "/sets/pets#val", true, true},
		{"/sets/pets#base", "/sets/pets#val#base", true, true},
		{"/sets/pets#base", "/moved/pets#base#val", true, true},
		{"/sets/pets#base", "/sets/pets#val#new", false, false},
		{"/sets/pets#base", "/sets/pets#val", false, false},
		{"/sets/pets", "/sets/pets#val#base", false, false},
		{"/sets/pets", "/sets/dtd#val#base", false, true},
		{"/sets/pets#base", "/sets/pets#base", false, false},
		{"/sets/pets#base", "/sets/pets#test#base", false, false},
		{"", "/sets/pets#val#new", true, true},
	} {
		target := run.Target{Inputs: run.Inputs{Data: c.target}}
		if got := target.FoldOf(c.source); got != c.fold {
			t.Errorf("%s of a run on %s: fold %v", c.target, c.source, got)
		}
		if got := target.ValidationFor(c.source); got != c.validates {
			t.Errorf("%s of a run on %s: validation %v", c.target, c.source, got)
		}
	}
}

// What lies in a run's folder and came from another run is refused.
func TestAnEvaluationOfAnotherRunIsRefused(t *testing.T) {
	one, _ := evaluated(t, "/sets/icons", adapt.None{})
	two, target := evaluated(t, "/sets/icons", adapt.SaLS{})
	if found, err := run.Evaluations(one); err != nil || len(found) != 1 {
		t.Fatalf("%d, %v", len(found), err)
	}
	copied := filepath.Join(one, "targets", "copied")
	if err := os.CopyFS(copied, os.DirFS(target)); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Evaluations(one); err == nil || !strings.Contains(err.Error(), copied+" is of other parameters") {
		t.Errorf("%v", err)
	}
	if v := run.Verify(one); v.OK() || !strings.Contains(v.Faults[0], "other parameters") {
		t.Errorf("%+v", v)
	}
	path := filepath.Join(target, "target.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	turned := strings.Replace(string(raw), "method: ", "method: another-", 1)
	if err := errors.Join(os.WriteFile(path, []byte(turned), 0o644), os.Remove(filepath.Join(target,
		"manifest.json"))); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Evaluations(two); err == nil || !strings.Contains(err.Error(), "is of method another-") {
		t.Errorf("%v", err)
	}
}
