package demo

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/report"
	"clipcalib/internal/run"
)

// tinyExperiment is an experiment on random weights.
func tinyExperiment(t *testing.T) Experiment {
	t.Helper()
	dir := t.TempDir()
	m, err := clip.New(cliptest.Open(t, cliptest.Tiny()), clip.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return Experiment{
		Source: &features.Source{Model: m, Weights: "tiny", Bank: filepath.Join(dir, "bank")},
		Out:    filepath.Join(dir, "runs"),
		Seeds:  []uint64{1, 2}, Shots: 1, Views: 2, Bins: 10,
		Train: adapt.Options{Epochs: 1, LogitScale: 100},
	}
}

// rowsOf counts the rows of every method and remedy.
func rowsOf(runs []report.Run) map[string]int {
	rows := map[string]int{}
	for _, r := range runs {
		rows[r.Method+" "+r.Remedy]++
	}
	return rows
}

func TestAllFamiliesStandInOneTable(t *testing.T) {
	x := tinyExperiment(t)
	x.Methods = []adapt.Method{adapt.TaskRes{}}
	x.Prompts = []func(string) prompt.Method{
		func(string) prompt.Method { return prompt.CoOp{Contexts: 2} },
		func(phrase string) prompt.Method { return prompt.MaPLe{Init: phrase, Depth: 2} },
	}
	x.Remedies = []adapt.Remedy{adapt.None{}, adapt.SaLS{}}
	task, err := EmojiPack()
	if err != nil {
		t.Fatal(err)
	}
	domains := task.Domains[:2]
	runs, err := x.Task(context.Background(), task, domains)
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(runs)
	for _, name := range []string{"taskres none", "taskres sals", "coop none", "coop sals", "maple none",
		"maple sals"} {
		if want := len(domains) * len(x.Seeds); rows[name] != want {
			t.Errorf("%s: %d rows, want %d", name, rows[name], want)
		}
	}
	if rows["zero-shot "] != len(domains) {
		t.Errorf("%d rows of zero-shot, want one for each of %d domains", rows["zero-shot "], len(domains))
	}
	// The reference of learned prompts is that of the adapters.
	reference := zeroShot(t, x.Out, "emoji/taskres-none-seed1", domains[1])
	for _, other := range []string{"emoji/taskres-none-seed2", "emoji/coop-sals-seed1", "emoji/maple-none-seed2"} {
		for i, v := range zeroShot(t, x.Out, other, domains[1]) {
			if math.Abs(v-reference[i]) > 1e-3 {
				t.Fatalf("%s: zero-shot logit %d is %g, that of an adapter %g", other, i, v, reference[i])
			}
		}
	}
	// A second time nothing is computed, and the rows are the same.
	before := modified(t, x.Out)
	again, err := x.Task(context.Background(), task, domains)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != len(runs) || again[len(again)-1].Metrics != runs[len(runs)-1].Metrics {
		t.Error("other rows the second time")
	}
	if !slices.Equal(before, modified(t, x.Out)) {
		t.Error("files were written again")
	}
}

// zeroShot are the zero-shot logits of a run on a domain.
func zeroShot(t *testing.T, out, dir string, d *Domain) []float64 {
	t.Helper()
	ev, err := run.ReadEvaluation(filepath.Join(out, dir, "targets", d.Name))
	if err != nil {
		t.Fatal(err)
	}
	return ev.ZeroShot.Data
}

func TestTestTimeTuningUsesOtherPicturesForEverySeed(t *testing.T) {
	x := tinyExperiment(t)
	x.TestTime, x.TestImages = []testtime.Method{testtime.TPT{}}, 3
	x.Remedies = []adapt.Remedy{adapt.None{}}
	task, err := FashionPack()
	if err != nil {
		t.Fatal(err)
	}
	runs, err := x.TuneTask(context.Background(), task, task.Domains[:1])
	if err != nil {
		t.Fatal(err)
	}
	if rows := rowsOf(runs); rows["tpt none"] != 2 || rows["zero-shot "] != 2 {
		t.Errorf("rows %v, want one of each for either seed", rows)
	}
	set := &data.Set{Classes: []string{"x"}, Items: make([]data.Item, 10)}
	for i := range set.Items {
		set.Items[i].Path = string(rune('a' + i))
	}
	for _, c := range []struct {
		n, offset int
		want      string
	}{{3, 0, "adg"}, {3, 1, "beh"}, {3, 2, "cfi"}, {3, 3, "adg"}, {10, 1, "abcdefghij"}, {99, 0, "abcdefghij"}} {
		got := ""
		for _, it := range spread(set, c.n, c.offset) {
			got += it.Key
		}
		if got != c.want {
			t.Errorf("%d from %d on: %s, want %s", c.n, c.offset, got, c.want)
		}
	}
}

func TestPhraseIsTheWordsBeforeTheClass(t *testing.T) {
	for template, want := range map[string]string{"a photo of a {}, a type of clothing.": "a photo of a",
		"an icon of a {}.": "an icon of a"} {
		if got := (&Task{Templates: []string{template}}).Phrase(); got != want {
			t.Errorf("%q: %q, want %q", template, got, want)
		}
	}
}

// modified lists the files below a folder with the times they were written.
func modified(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out = append(out, path+" "+info.ModTime().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
