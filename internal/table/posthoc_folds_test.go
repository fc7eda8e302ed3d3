package table

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/calib"
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
