package run

import (
	"strings"
	"testing"
)

func TestFilesOfEvaluationsMustBelongTogether(t *testing.T) {
	of := func(name string, change func(t *Target)) *File {
		f := &File{Path: name, name: name, Target: Target{Method: "taskres", Remedy: "none", ParametersSHA256: "aa",
			ClassNamesSHA256: "names", Samples: 10, NumberOfClasses: 3,
			Inputs: Inputs{Data: "pets", DataSHA256: "listlistlist", WeightsSHA256: "clip",
				Templates: []string{"a {}."}}}}
		if change != nil {
			change(&f.Target)
		}
		return f
	}
	logits, zeroShot := of(logitsFile, nil), of(zeroShotFile, nil)
	for _, c := range []struct {
		err  error
		want string // "" is no error
	}{
		{of(labelsFile, nil).SameSamples(logits), ""},
		{(*File)(nil).SameSamples(logits), ""},
		{of(labelsFile, func(t *Target) { t.ParametersSHA256 = "bb" }).SameSamples(logits), ""},
		{of(labelsFile, func(t *Target) { t.Inputs.DataSHA256 = "else" }).SameSamples(logits), "different targets"},
		{of(labelsFile, func(t *Target) { t.Classes = []int{2, 1, 0} }).SameSamples(logits), "different parts"},
		{of(labelsFile, func(t *Target) { t.Samples = 9 }).SameSamples(logits), "different parts"},

		{of(logitsFile, func(t *Target) { t.Inputs.DataSHA256 = "fold" }).SameClassifier(logits), ""},
		{logits.SameClassifier(nil), ""},
		{zeroShot.SameClassifier(logits), "zero-shot"},
		{of(logitsFile, func(t *Target) { t.ClassNamesSHA256 = "turned" }).SameClassifier(logits), "another order"},
		{of(logitsFile, func(t *Target) { t.NumberOfClasses = 2 }).SameClassifier(logits), "other classes"},
		{of(logitsFile, func(t *Target) { t.ParametersSHA256 = "bb" }).SameClassifier(logits), "SHA-256 bb and aa"},
		{of(logitsFile, func(t *Target) { t.Remedy = "sals" }).SameClassifier(logits), "remedy sals"},
		{of(logitsFile, func(t *Target) { t.Inputs.WeightsSHA256 = "other" }).SameClassifier(logits), "weights"},
		{of(zeroShotFile, func(t *Target) { t.ParametersSHA256 = "bb" }).SameClassifier(zeroShot), ""},
		{of(zeroShotFile, func(t *Target) { t.Inputs.Templates = nil }).SameClassifier(zeroShot), "prompts"},

		{zeroShot.ReferenceOf(logits), ""},
		{logits.ReferenceOf(nil), "adapted logits"},
		{of(zeroShotFile, func(t *Target) { t.Inputs.DataSHA256 = "else" }).ReferenceOf(logits), "different targets"},
		{of(zeroShotFile, func(t *Target) { t.Inputs.WeightsSHA256 = "b" }).ReferenceOf(logits), "different weights"},
	} {
		switch {
		case c.want == "" && c.err != nil:
			t.Error(c.err)
		case c.want != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.want)):
			t.Errorf("%v, want %q", c.err, c.want)
		}
	}
}
