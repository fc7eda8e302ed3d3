package table

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/calib"
)

// A fold of more classes calibrates with its samples and columns of those that a
// target has, where the lists of rows tell which they are.
func TestAFoldCalibratesWithTheClassesOfTheTarget(t *testing.T) {
	side := func(name, rows string, n, k int) Evaluation {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte("row,file,label,class,class_key\n"+rows),
			0o644); err != nil {
			t.Fatal(err)
		}
		e := Evaluation{dir: dir, logits: calib.NewMatrix(n, k), labels: make([]int, n)}
		for i := range e.logits.Data {
			e.logits.Data[i] = float64(i)
		}
		for i := range e.labels {
			e.labels[i] = i % k
		}
		return e
	}
	fold := side("fold", "0,a,0,ant,ant\n1,b,1,bee,bee\n2,c,2,cat,cat\n", 7, 3)
	target := side("target", "0,a,0,cat,cat\n1,b,1,ant,ant\n", 4, 2)
	rows, ok, err := fold.foldFor(&target)
	if err != nil || !ok || !slices.Equal(rows.Labels, []int{1, 0, 1, 0, 1}) ||
		!slices.Equal(rows.Logits.Row(1), []float64{8, 6}) {
		t.Fatalf("%+v, %v, %v", rows, ok, err)
	}
	w := setsWork{fold: "home#val", said: map[string]bool{}, coverage: 0.5, kinds: []string{calib.LAC}, samples: 99}
	target.Values, target.Target.Name = map[string]float64{}, "a"
	if err := w.make(&target, []Evaluation{fold}); err != nil || w.made != 1 || w.samples != 5 ||
		!strings.Contains(strings.Join(w.notes, ""), "of its 2 classes: 5 samples") {
		t.Errorf("%v, %d made on %d samples, %q", err, w.made, w.samples, w.notes)
	}
	other := side("other", "0,a,0,cat,cat\n1,b,1,cow,cow\n", 4, 2)
	if _, ok, err := fold.foldFor(&other); ok || err != nil {
		t.Errorf("a class that the fold has not: %v, %v", ok, err)
	}
}
