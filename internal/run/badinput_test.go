package run_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/run"
)

func TestBadInputsNameWhatIsWrong(t *testing.T) {
	features, target := files(t)
	dir := t.TempDir()
	noLabels := filepath.Join(dir, "no-labels.safetensors")
	d := sample(1, 8, 1)
	d.Labels = nil
	if err := run.WriteFeatures(noLabels, d); err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(dir, "done")
	train(t, options(features, done))
	bad := sample(2, 8, 1)
	bad.Labels[3] = classes
	narrow := sample(2, 8, 1)
	narrow.Features, narrow.Prototypes = adapt.NewMatrix(8, 3), adapt.Matrix{}
	cases := map[string]struct {
		do   func() error
		want string
	}{
		"no labels": {func() error { return adaptErr(options(noLabels, filepath.Join(dir, "a"))) }, "no labels"},
		"no file": {func() error {
			return adaptErr(options(filepath.Join(dir, "nowhere"),
				filepath.Join(dir, "b")))
		}, "nowhere"},
		"no folder": {func() error { return adaptErr(options(features, "")) }, "--out"},
		"not a run": {func() error {
			return evalErr(run.EvalOptions{Run: dir, Features: []string{target},
				Name: "x"})
		}, "no finished run"},
		"label too large": {func() error { return evalErr(run.EvalOptions{Run: done, Data: &bad, Name: "x"}) },
			"label 4 at row 3"},
		"other order of classes": {func() error {
			turned := sample(2, 8, 1)
			one, two := turned.Prototypes.Row(0), turned.Prototypes.Row(1)
			for i := range one {
				one[i], two[i] = d.Prototypes.Row(1)[i], d.Prototypes.Row(0)[i]
			}
			path := filepath.Join(dir, "turned.safetensors")
			if err := run.WriteFeatures(path, turned); err != nil {
				t.Fatal(err)
			}
			return evalErr(run.EvalOptions{Run: done, Features: []string{path}, Name: "x"})
		}, "turned.safetensors: run " + done + ": its text_features are not those of the run's classes in their order"},
		"other width": {func() error { return evalErr(run.EvalOptions{Run: done, Data: &narrow, Name: "x"}) },
			"3 wide, prototypes 8"},
		"unknown class": {func() error {
			return evalErr(run.EvalOptions{Run: done, Features: []string{target}, Name: "x", Classes: []int{9}})
		}, "class 9"},
		"twice the same": {func() error {
			o := options(features, filepath.Join(dir, "c"))
			o.Features = []string{features, features}
			return adaptErr(o)
		}, "is in both"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func adaptErr(o run.AdaptOptions) error {
	_, err := run.Adapt(context.Background(), o)
	return err
}

func evalErr(o run.EvalOptions) error {
	_, err := run.Eval(context.Background(), o)
	return err
}
