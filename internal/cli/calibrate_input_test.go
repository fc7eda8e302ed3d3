package cli

import (
	"testing"

	"clipcalib/calib"
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
