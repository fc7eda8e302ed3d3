package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/npy"
)

// Two samples of 300 are few; they are all that is measured.
func TestALargeFoldMayHoldAllThatIsMeasured(t *testing.T) {
	fold := calib.NewMatrix(300, 2)
	for i := range fold.Data {
		fold.Data[i] = float64(i)
	}
	small := calib.Matrix{N: 2, K: 2, Data: fold.Data[:4]}
	if err := separate(fold, small, "", "", "--fit-logits", &rowInput{}); !isOverlap(err) {
		t.Errorf("%v", err)
	}
	large := calib.NewMatrix(300, 2)
	for i := range large.Data {
		large.Data[i] = -float64(i) - 1
	}
	copy(large.Data, fold.Data[:4])
	in := &rowInput{}
	if err := separate(fold, large, "", "", "--fit-logits", in); err != nil || len(in.notes) != 1 {
		t.Errorf("%v, %q", err, in.notes)
	}
}

// Rows that are there twice are told, and not parted by chance into fitted and measured
// ones.
func TestRowsThatAreThereTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, y := drawnLogits(t, dir, "once", 40, 3, 4)
	n, k, values, err := npy.ReadMatrix(l)
	if err != nil {
		t.Fatal(err)
	}
	labels, err := npy.ReadLabels(y)
	if err != nil {
		t.Fatal(err)
	}
	twice, both := filepath.Join(dir, "twice.npy"), filepath.Join(dir, "both.npy")
	var narrow []float32
	for _, v := range append(values, values...) {
		narrow = append(narrow, float32(v))
	}
	if err := npy.WriteFile(twice, narrow, 2*n, k); err != nil {
		t.Fatal(err)
	}
	other := slices.Clone(labels)
	other[3] = (other[3] + 1) % k
	if err := npy.WriteLabels(both, append(labels, other...)); err != nil {
		t.Fatal(err)
	}
	o := mustRun(t, "calibrate", "--logits", twice, "--labels", both, "--draws", "0")
	if !strings.Contains(o.err, "40 of the 80 rows occur before, as row 40 does") || !strings.Contains(o.err,
		"1 have another label") {
		t.Errorf("%s", o.err)
	}
	if o := mustRun(t, "calibrate", "--logits", l, "--labels", y, "--draws", "0"); strings.Contains(o.err, "occur") {
		t.Errorf("%s", o.err)
	}
	fails(t, []string{"calibrate", "--logits", twice, "--labels", both, "--remedy", "temperature", "--fit-fraction", "0.5"},
		"--fit-fraction", "leave out repeats")
	fails(t, []string{"conformal", "--logits", twice, "--labels", both, "--splits", "3"}, "--splits", "leave out repeats")
}
