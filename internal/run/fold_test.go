package run_test

import (
	"testing"

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
