package demo

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/lanes"
)

// TestSaLSTakesWhatWasTrainedWithoutARemedy runs every family once with both
// remedies and once with SaLS alone: the files of SaLS are the same, and its
// steps are not made twice. Both remedies are run in three lanes, the one alone one
// after another.
func TestSaLSTakesWhatWasTrainedWithoutARemedy(t *testing.T) {
	task, err := EmojiPack()
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string]int{}
	runs := map[string]string{}
	for name, remedies := range map[string][]adapt.Remedy{
		"none": {adapt.None{}}, "sals": {adapt.SaLS{}}, "both": {adapt.None{}, adapt.SaLS{}},
		"reversed": {adapt.SaLS{}, adapt.None{}},
	} {
		x := tinyExperiment(t)
		x.Seeds, x.Remedies, x.TestImages = x.Seeds[:1], remedies, 2
		x.Methods = []adapt.Method{adapt.CLIPAdapter{}, adapt.TipAdapterF{}, adapt.CLAP{}}
		x.Prompts = []func(string) prompt.Method{
			func(string) prompt.Method { return prompt.CoOp{Contexts: 2} },
			func(phrase string) prompt.Method { return prompt.MaPLe{Init: phrase, Depth: 2} },
		}
		x.TestTime = []testtime.Method{testtime.TPT{}, testtime.CTPT{}}
		var made atomic.Int64
		x.Steps = func(n int) { made.Add(int64(n)) }
		if len(remedies) > 1 {
			if x.Lanes, err = lanes.Open(x.Source.Model.Device, 3); err != nil {
				t.Fatal(err)
			}
			defer x.Lanes.Close()
		}
		if _, err := x.Task(context.Background(), task, task.Domains[:1]); err != nil {
			t.Fatal(err)
		}
		if _, err := x.TuneTask(context.Background(), task, task.Domains[:1]); err != nil {
			t.Fatal(err)
		}
		runs[name], steps[name] = x.Out, int(made.Load())
	}
	if steps["none"] == 0 || steps["sals"] != steps["none"] || steps["both"] != steps["none"] ||
		steps["reversed"] != steps["none"] {
		t.Errorf("steps %v, want those of one remedy everywhere", steps)
	}
	for _, alone := range []string{"none", "sals"} {
		want := contents(t, runs[alone])
		for _, with := range []string{"both", "reversed"} {
			got := contents(t, runs[with])
			if len(got) != 2*len(want) {
				t.Errorf("%s: %d files, want twice %d", with, len(got), len(want))
			}
			for path, content := range want {
				if !bytes.Equal(got[path], content) {
					t.Errorf("%s: %s differs from the training under %s alone", with, path, alone)
				}
			}
		}
	}
}

// contents are the files below a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out[path], err = os.ReadFile(filepath.Join(dir, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
