package matfile

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadsWhatScipyWrites(t *testing.T) {
	for _, name := range []string{"plain.mat", "packed.mat"} {
		arrays, err := Read(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := arrays["labels"].Numbers; !slices.Equal(got, []float64{77, 77, 1, 102}) {
			t.Errorf("%s: labels %v", name, got)
		}
		if got := arrays["single"].Numbers; !slices.Equal(got, []float64{1.5, -2.5}) {
			t.Errorf("%s: single %v", name, got)
		}
		names := arrays["class_names"]
		if names.Len() != 2 || names.Cells[0].Text != "AM General Hummer SUV 2000" ||
			names.Cells[1].Text != "Müller Wagen 2012" {
			t.Errorf("%s: names %+v", name, names)
		}
		a := arrays["annotations"]
		if a.Len() != 3 || a.Field(2, "fname").Text != "00003.jpg" || a.Field(2, "class").Numbers[0] != 300 ||
			a.Field(0, "bbox_x1").Numbers[0] != 39 || a.Field(3, "class") != nil || a.Field(0, "none") != nil {
			t.Errorf("%s: annotations %+v", name, a)
		}
	}
}

func TestDamagedFilesAreErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(filepath.Join(dir, "absent.mat")); err == nil {
		t.Error("no error for a file that is not there")
	}
	for _, name := range []string{"plain.mat", "packed.mat"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		cut := filepath.Join(dir, name)
		if err := os.WriteFile(cut, whole[:len(whole)-9], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(cut); err == nil || !strings.Contains(err.Error(), cut) {
			t.Errorf("%v", err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			broken := slices.Clone(whole)
			for range 1 + rng.IntN(3) {
				broken[rng.IntN(len(broken))] = byte(rng.IntN(256))
			}
			_, _ = parse(broken)
		}
	}
}
