package tensorboard

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// The bytes are those of TensorBoard's own writer and protocol buffers
// (testdata/make_golden.py).
func TestTheBytesAreTensorBoards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "run")
	w, err := create(dir, func() time.Time { return time.Unix(1_700_000_000, 250_000_000) })
	if err != nil {
		t.Fatal(err)
	}
	w.Scalar(0, "train/loss", 1.5)
	w.Scalar(1, "train/loss", 0.1)
	w.Scalar(300, "val/ece", math.NaN())
	w.Scalar(1<<40, "größe", -3e38)
	w.Histogram(2, "range", []float64{1, 2, 2, math.Inf(1), 31})
	w.Histogram(3, "range", []float64{5, 5})
	w.Histogram(4, "range", []float64{math.NaN()}) // nothing to draw
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/golden.tfevents")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.1700000000.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	if got, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d: %x\n%x", len(got), len(want), got, want)
	}
}

func TestAFolderTakesManyFiles(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for range 3 {
		w, err := create(dir, func() time.Time { return time.Unix(7, 0) })
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, w.f.Name())
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.IsSorted(names) || names[0] == names[1] {
		t.Errorf("%q", names)
	}
}

func TestWhatFailsIsToldAtTheEnd(t *testing.T) {
	w, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.f.Close()
	w.Scalar(1, "loss", 1)
	if err := w.Close(); err == nil {
		t.Error("a write to a closed file went unnoticed")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(filepath.Join(file, "run")); err == nil {
		t.Error("a folder below a file")
	}
}
