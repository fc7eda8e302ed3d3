package table

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/npy"
)

// foldRun is one run of a fold of 200 samples and a target of as many, to be
// spoilt.
func foldRun(t *testing.T) (run string) {
	t.Helper()
	run = filepath.Join(t.TempDir(), "run")
	madeRun{"taskres", "none", 4, 0.1, 1, templates, []string{"home#val", "sketch"}, 200}.writeAble(t, run,
		rand.New(rand.NewPCG(5, 6)), 5)
	return run
}

// onSketch counts the rows of a run on the target by scalers of that kind.
func onSketch(t *testing.T, run string, kinds ...string) (n int, notes string) {
	t.Helper()
	found, _, err := Read([]string{run}, 10)
	if err != nil {
		t.Fatal(err)
	}
	all, said, err := PostHoc{Kinds: kinds}.Add(found)
	for _, e := range all {
		if e.FittedOn() != nil && e.Target.Name == "sketch" {
			n++
		}
	}
	return n, fmt.Sprint(strings.Join(said, "\n"), err)
}

// A target of which the fold holds most is refused however large the fold is, and
// though the sums were taken in another order.
func TestAnOverlapIsAShareOfWhatIsMeasured(t *testing.T) {
	run := foldRun(t)
	targets := filepath.Join(run, "targets")
	for _, name := range []string{"logits.npy", "zero_shot_logits.npy"} {
		_, k, of, err := npy.ReadMatrix(filepath.Join(targets, "home#val", name))
		if err != nil {
			t.Fatal(err)
		}
		_, _, others, err := npy.ReadMatrix(filepath.Join(targets, "sketch", name))
		if err != nil {
			t.Fatal(err)
		}
		var few []float32
		for i := range 3 * k {
			v := float32(of[i]) + 1e-5
			if i >= 2*k {
				v = float32(others[i])
			}
			few = append(few, v)
		}
		if err := npy.WriteFile(filepath.Join(targets, "sketch", name), few, 3, k); err != nil {
			t.Fatal(err)
		}
	}
	labels, err := npy.ReadLabels(filepath.Join(targets, "home#val", "labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	if err := npy.WriteLabels(filepath.Join(targets, "sketch", "labels.npy"), labels[:3]); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(targets, "sketch", "target.yaml"), "samples: 200", "samples: 3")
	if n, notes := onSketch(t, run, calib.Temperature); n != 0 || !strings.Contains(notes, "2 of its samples are in") {
		t.Errorf("%d rows; %s", n, notes)
	}
}

func edit(t *testing.T, path, old, with string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), old, with)
	if text == string(raw) {
		t.Fatalf("%s does not hold %q", path, old)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is fitted for single classes is for these classes in this order.
func TestScalersOfSingleClassesAreForTheSameClasses(t *testing.T) {
	run := foldRun(t)
	list := func(target string, classes ...string) {
		labels, err := npy.ReadLabels(filepath.Join(run, "targets", target, "labels.npy"))
		if err != nil {
			t.Fatal(err)
		}
		text := "row,file,label,class,class_key\n"
		for i, y := range labels {
			text += fmt.Sprintf("%d,%s/%d.png,%d,%s,%s\n", i, classes[y], i, y, classes[y], classes[y])
		}
		if err := os.WriteFile(filepath.Join(run, "targets", target, "rows.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kinds := []string{calib.Temperature, calib.Vector}
	if n, notes := onSketch(t, run, kinds...); n != 2*2 || !strings.Contains(notes, "no names of classes") {
		t.Errorf("without lists: %d rows; %s", n, notes)
	}
	list("home#val", "a", "b", "c", "d", "e")
	saved := Saved{Name: "elsewhere"}
	saved.Calibrator = calib.Calibrator{Kind: calib.Vector, Classes: 5, Weights: make([]float64, 5),
		Bias: make([]float64, 5)}
	saved.Fold = calib.Fold{Classes: []calib.FoldClass{{Label: 0, Name: "a"}, {Label: 1, Name: "b"}}}
	for _, c := range []struct {
		classes    string
		own, saved int
		note       string
	}{
		{"abcde", 4, 2, "not checked"},
		{"acbde", 2, 0, `label 1 is "b" and "c"`},
		{"abcdx", 2, 2, `label 4 is "e" and "x"`},
	} {
		list("sketch", strings.Split(c.classes, "")...)
		n, notes := onSketch(t, run, kinds...)
		if c.own < 4 && !strings.Contains(notes, c.note) || n != c.own {
			t.Errorf("%s: %d rows, want %d; %s", c.classes, n, c.own, notes)
		}
		found, _, err := Read([]string{run}, 10)
		if err != nil {
			t.Fatal(err)
		}
		all, said, err := PostHoc{Saved: []Saved{saved}}.Add(found)
		if err != nil {
			t.Fatal(err)
		}
		n = 0
		for _, e := range all {
			if e.FittedOn() != nil && e.Target.Name == "sketch" {
				n++
			}
		}
		if text := strings.Join(said, "\n"); n != c.saved || !strings.Contains(text, "was not checked") {
			t.Errorf("%s: %d rows of a saved one, want %d; %s", c.classes, n, c.saved, text)
		}
	}
}

// A fold whose pictures the run learnt from under other names is told by the record
// of the evaluation.
func TestAFoldThatWasLearntFromUnderOtherNames(t *testing.T) {
	run := foldRun(t)
	say := func(n int) {
		text := fmt.Sprintf("{\"doubts\": [%q]}", data.LearntDoubt("home", n, 200, "a/1.png"))
		path := filepath.Join(run, "targets", "home#val", "metrics.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	say(2) // duplicates
	if n, notes := onSketch(t, run, calib.Temperature); n != 2 {
		t.Errorf("%d rows; %s", n, notes)
	}
	say(200)
	if n, notes := onSketch(t, run, calib.Temperature); n != 0 || !strings.Contains(notes, "200 of its 200 pictures") {
		t.Errorf("%d rows; %s", n, notes)
	}
	found, _, err := Read([]string{run}, 10)
	if err != nil {
		t.Fatal(err)
	}
	table := Make(found, 10)
	notes, err := table.Conformal(0.8, calib.LAC)
	if err != nil || !strings.Contains(strings.Join(notes, "\n"), "200 of its 200 pictures") {
		t.Errorf("sets: %q, %v", notes, err)
	}
}

// Two names of one set are told, by what they hold.
func TestOneSetUnderTwoNamesIsTold(t *testing.T) {
	run := foldRun(t)
	for target, sum := range map[string]string{"home#val": "cafe", "sketch": "cafe"} {
		path := filepath.Join(run, "targets", target, "metrics.json")
		if err := os.WriteFile(path, fmt.Appendf(nil, "{\"contents_sha256\": %q}", sum), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if notes := strings.Join(tableOf(t, run).Notes, "\n"); !strings.Contains(notes, "home#val and sketch hold the same pictures") {
		t.Errorf("%s", notes)
	}
}

// Without a manifest, labels are held to the list of the pictures.
func TestLabelsOfAnotherListAreRefused(t *testing.T) {
	run := foldRun(t)
	sketch := filepath.Join(run, "targets", "sketch")
	labels, err := npy.ReadLabels(filepath.Join(sketch, "labels.npy"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []data.Row
	for i, y := range labels {
		rows = append(rows, data.Row{File: fmt.Sprint(i), Label: y, Class: fmt.Sprint("class ", y), Key: fmt.Sprint(y)})
	}
	list := filepath.Join(sketch, "rows.csv")
	if err := data.WriteRows(list, rows); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read([]string{run}, 10); err != nil {
		t.Fatal(err)
	}
	rows[7].Label++
	if err := data.WriteRows(list, rows); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read([]string{run}, 10); err == nil || !strings.Contains(err.Error(), "row 7 has label") {
		t.Errorf("%v", err)
	}
	if err := data.WriteRows(list, rows[:9]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read([]string{run}, 10); err == nil || !strings.Contains(err.Error(), "9 pictures") {
		t.Errorf("%v", err)
	}
}

// One training under two seeds is told.
func TestOneTrainingUnderTwoSeedsIsTold(t *testing.T) {
	dir := t.TempDir()
	for seed := 1; seed <= 2; seed++ {
		run := filepath.Join(dir, fmt.Sprint(seed))
		madeRun{"taskres", "none", 4, 0.1, seed, templates, []string{"home"}, 20}.write(t, run,
			rand.New(rand.NewPCG(uint64(seed), 6)))
		edit(t, filepath.Join(run, "targets", "home", "target.yaml"), "remedy: none\n", "remedy: none\nparameters_sha256: cafe\n")
	}
	if notes := strings.Join(tableOf(t, dir).Notes, "\n"); !strings.Contains(notes, "same parameters under seeds 1 and 2") {
		t.Errorf("%s", notes)
	}
}
