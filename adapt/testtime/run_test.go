package testtime

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/run"
)

func testItems(n, classes int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{Key: fmt.Sprintf("%d.png", i), Label: i % classes,
			Open: func() (image.Image, error) { return picture(20+i, 30, uint64(i)), nil }}
	}
	return items
}

// files returns the content of every file under dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnInterruptedRunEndsWithTheSameBytes(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	tuner := newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.SaLS{}, Options{})
	whole := RunOptions{Items: testItems(7, 12), Dir: t.TempDir(), Name: "toy"}
	res, err := tuner.Run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	want := files(t, whole.Dir)
	for _, name := range []string{
		"logits.npy", "zero_shot_logits.npy", "labels.npy", "metrics.json", "zero_shot_metrics.json", "target.yaml",
		"classes.json", "log.txt",
	} {
		if want["targets/toy/"+name] == "" {
			t.Errorf("no %s among the files", name)
		}
	}

	broken := whole
	broken.Dir = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	broken.Progress = func(done, total int) {
		if done == 3 {
			cancel()
		}
	}
	if _, err := tuner.Run(ctx, broken); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted run ended with %v", err)
	}
	partial := filepath.Join(broken.Dir, "targets", "toy", run.PartialFile(itemsHash(broken.Items)))
	if f, err := os.OpenFile(partial, os.O_APPEND|os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	} else {
		f.WriteString("half an im") // as a killed process may leave it
		f.Close()
	}
	broken.Progress = nil
	again, err := tuner.Run(t.Context(), broken)
	if err != nil {
		t.Fatal(err)
	}
	if again.Resumed != 3 || again.Metrics != res.Metrics {
		t.Errorf("%d images resumed, want 3; metrics %+v, want %+v", again.Resumed, again.Metrics, res.Metrics)
	}
	got := files(t, broken.Dir)
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs after an interruption", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files after an interruption, %d without", len(got), len(want))
	}
	if once, err := tuner.Run(t.Context(), whole); err != nil || !once.Reused || once.Metrics != res.Metrics {
		t.Errorf("a finished run is not reused: %+v, %v", once, err)
	}
	// A process that is killed at the very end leaves its progress beside the results.
	left := filepath.Join(whole.Dir, "targets", whole.Name, run.PartialFile(itemsHash(whole.Items)))
	if err := os.WriteFile(left, []byte("progress"), 0o644); err != nil {
		t.Fatal(err)
	}
	if once, err := tuner.Run(t.Context(), whole); err != nil || !once.Reused {
		t.Errorf("a finished run beside its progress is not reused: %+v, %v", once, err)
	}
	if _, err := os.Lstat(left); err == nil {
		t.Error("the progress of a finished run is still there")
	}
}

func TestAFolderKeepsToOneRecipe(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	o := RunOptions{Items: testItems(2, 12), Dir: t.TempDir(), Name: "toy"}
	if _, err := newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.None{}, Options{}).Run(t.Context(),
		o); err != nil {
		t.Fatal(err)
	}
	for name, tuner := range map[string]*Tuner{
		"remedy": newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.ZSNorm{}, Options{}),
		"method": newTestTuner(t, images, texts, goldenClasses, CTPT{}, adapt.None{}, Options{}),
		"weight": newTestTuner(t, images, texts, goldenClasses, CTPT{Lambda: 20}, adapt.None{}, Options{}),
		"seed": newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.None{}, Options{Seed: 1, Views: 8,
			Keep: 0.5}),
	} {
		if _, err := tuner.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "another run") {
			t.Errorf("another %s in the same folder: error %v", name, err)
		}
	}
	other := o
	other.Name = "other" // another target of the same run is welcome
	tuner := newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.None{}, Options{})
	if r, err := tuner.Run(t.Context(), other); err != nil || r.Reused {
		t.Errorf("a second target: %+v, %v", r, err)
	}
}

func TestRunStopsAtWhatItCannotRead(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	tuner := newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.None{}, Options{})
	o := RunOptions{Items: testItems(4, 12), Dir: t.TempDir(), Name: "toy"}
	good := o.Items[2].Open
	o.Items[2].Open = func() (image.Image, error) { return nil, errors.New("unexpected end of file") }
	_, err := tuner.Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "2.png") || !strings.Contains(err.Error(), "unexpected end") {
		t.Fatalf("error %v does not name the image", err)
	}
	o.Items[2].Open = good
	if r, err := tuner.Run(t.Context(), o); err != nil || r.Resumed != 2 {
		t.Errorf("after repair: %+v, %v", r, err)
	}
	for name, bad := range map[string]RunOptions{
		"no images":     {Dir: o.Dir, Name: "x"},
		"no folder":     {Items: o.Items, Name: "x"},
		"is no name":    {Items: o.Items, Dir: o.Dir, Name: "a/b"},
		"label 12":      {Items: []Item{{Key: "k", Label: 12, Open: good}}, Dir: o.Dir, Name: "x"},
		"cannot be ope": {Items: []Item{{Key: "k"}}, Dir: o.Dir, Name: "x"},
	} {
		if _, err := tuner.Run(t.Context(), bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not say %q", err, name)
		}
	}
}

// TestGivenFeaturesLeadToTheSameFiles shares the features between two methods.
func TestGivenFeaturesLeadToTheSameFiles(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	shared := map[int][][]float32{}
	for _, m := range []Method{TPT{}, CTPT{}} {
		tuner := newTestTuner(t, images, texts, goldenClasses, m, adapt.Penalty{}, Options{Views: 6})
		encoded := RunOptions{Items: testItems(4, 12), Dir: t.TempDir(), Name: "toy"}
		given := encoded
		given.Dir = t.TempDir()
		given.Predict = func(ctx context.Context, i int) (Prediction, error) {
			it := given.Items[i]
			if shared[i] == nil {
				img, err := it.Open()
				if err != nil {
					return Prediction{}, err
				}
				views, err := tuner.Views(img, it.Key)
				if err != nil {
					return Prediction{}, err
				}
				if shared[i], err = images.Encode(ctx, views); err != nil {
					return Prediction{}, err
				}
			}
			return tuner.TuneFeatures(ctx, shared[i], it.Key)
		}
		for _, o := range []RunOptions{encoded, given} {
			if _, err := tuner.Run(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		want := files(t, encoded.Dir)
		for name, got := range files(t, given.Dir) {
			if got != want[name] {
				t.Errorf("%s: %s differs", m.Name(), name)
			}
		}
	}
	tuner := newTestTuner(t, images, texts, goldenClasses, TPT{}, adapt.None{}, Options{})
	_, err := tuner.Run(t.Context(), RunOptions{Items: testItems(2, 12), Dir: t.TempDir(), Name: "toy",
		Predict: func(context.Context, int) (Prediction, error) { return Prediction{}, errors.New("no views of it") }})
	if err == nil || !strings.Contains(err.Error(), "tpt on toy: no views of it") {
		t.Errorf("error %v", err)
	}
}

// TestSaLSFollowsFromTheTuningWithoutARemedy: the same files, tuned once.
func TestSaLSFollowsFromTheTuningWithoutARemedy(t *testing.T) {
	images, texts := openModel(t, goldenConfig, "")
	tuner := func(r adapt.Remedy) *Tuner {
		return newTestTuner(t, images, texts, goldenClasses, CTPT{}, r, Options{Views: 6})
	}
	plain, sals := tuner(adapt.None{}), tuner(adapt.SaLS{})
	tuned := RunOptions{Items: testItems(3, 12), Dir: t.TempDir(), Name: "toy"}
	derived := tuned
	derived.Dir = t.TempDir()
	derived.Predict = func(ctx context.Context, i int) (Prediction, error) {
		img, err := tuned.Items[i].Open()
		if err != nil {
			return Prediction{}, err
		}
		p, err := plain.Tune(ctx, img, tuned.Items[i].Key)
		if err != nil {
			return p, err
		}
		return sals.Remedied(p)
	}
	for _, o := range []RunOptions{tuned, derived} {
		if _, err := sals.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	want := files(t, tuned.Dir)
	for name, got := range files(t, derived.Dir) {
		if got != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	if _, err := tuner(adapt.Penalty{}).Remedied(Prediction{}); err == nil ||
		!strings.Contains(err.Error(), "penalty acts in tuning") {
		t.Errorf("error %v", err)
	}
}
