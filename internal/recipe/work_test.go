package recipe

import (
	"math"
	"os"
	"strings"
	"testing"
)

// The image towers' arithmetic as open_clip's profile lists it, in 1e9; it counts
// all 50 queries of the attention pooling, of which one is needed.
func TestArithmeticOfTheTowers(t *testing.T) {
	queries := 2 * 49 * (2048*2048 + 2048*1024) / 1e9
	for model, want := range map[string]float64{"RN50": 12.22 - queries, "ViT-B/16": 35.13} {
		if got := sizes[model].image / 1e9; math.Abs(got-want)/want > 0.02 {
			t.Errorf("%s: %.2f GFLOP a picture, want %.1f", model, got, want)
		}
	}
}

func TestWorkIsCountedOnceAndForEveryCell(t *testing.T) {
	var all Work
	for _, name := range []string{"adapters/rn50-taskres", "adapters/rn50-clip-adapter"} {
		r, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		w, err := WorkOf(r, RealCount)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Cells) != 4 || w.Pictures["RN50 ImageNetV2"] != 10000 ||
			w.Pictures["RN50 ImageNet, 20 views of 16000 shots"] != 320000 {
			t.Errorf("%s: %d cells, pictures %v", name, len(w.Cells), w.Pictures)
		}
		// 62 steps an epoch of 256 features against 1,000 classes of 1,024 numbers
		if want := 300. * 62 * 3 * 2 * 256 * 1000 * 1024; w.Cells[0].Train != want {
			t.Errorf("%s: training %g, want %g", name, w.Cells[0].Train, want)
		}
		all.Add(w)
	}
	if n := all.Shown(); n != 320000+10000+50889+7500+30000 {
		t.Errorf("%d pictures", n)
	}
	tpt, err := Find("tta/rn50-tpt-fine")
	if err != nil {
		t.Fatal(err)
	}
	w, err := WorkOf(tpt, RealCount)
	if err != nil || len(w.Pictures) != 0 || w.Cells[0].Views != 64*83696 {
		t.Errorf("TPT: %v, %v views", err, w.Cells[0].Views)
	}
	for _, r := range All() {
		w, err := WorkOf(r, RealCount)
		if err != nil || w.Operations() < 1e12 || w.Memory < 4e8 {
			t.Errorf("%s: %v, %g operations, %g bytes", r.ID, err, w.Operations(), w.Memory)
		}
	}
}

// TestTheArithmeticInTheDocs holds docs/TABLES.md to what is computed;
// CLIPCALIB_UPDATE=1 writes it.
func TestTheArithmeticInTheDocs(t *testing.T) {
	const path, mark = "../../docs/TABLES.md", "held equal by a test -->\n\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, there, ok := strings.Cut(string(raw), mark)
	want, err := Arithmetic()
	if err != nil || !ok {
		t.Fatal(err, ok)
	}
	if os.Getenv("CLIPCALIB_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(before+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if there != want {
		t.Errorf("%s is not what is computed (CLIPCALIB_UPDATE=1 writes it):\n%s", path, want)
	}
}
