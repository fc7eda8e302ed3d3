package gate

import (
	"math"
	"strings"
	"testing"

	"clipcalib/calib"
)

func rows(t *testing.T, r ...[]float64) calib.Matrix {
	t.Helper()
	m, err := calib.FromRows(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFormsAreToldApart(t *testing.T) {
	for _, c := range []struct {
		name string
		m    calib.Matrix
		want Form
	}{
		{"logits", rows(t, []float64{3, -2, 1}), Logits},
		{"probabilities", rows(t, []float64{0.2, 0.3, 0.5}, []float64{1, 0, 0}), Probabilities},
		{"probabilities in half precision", rows(t, []float64{0.3333, 0.3335, 0.334}), Probabilities},
		{"percentages", rows(t, []float64{20, 30, 50}, []float64{0, 0, 100}), Percentages},
		{"cosines", rows(t, []float64{0.21, 0.25, -0.1}, []float64{0.3, 0.2, 0.1}), Cosines},
		{"one row that is none", rows(t, []float64{0.2, 0.3, 0.5}, []float64{0.2, 0.3, 5}), Logits},
		{"one class", rows(t, []float64{1}, []float64{1}), Logits},
		{"logarithms of probabilities", rows(t, []float64{-0.7, -1.6, -5}), Logits},
	} {
		if got, err := Look(c.m); err != nil || got != c.want {
			t.Errorf("%s: form %d, %v; want %d", c.name, got, err, c.want)
		}
	}
	if err := CheckProbabilities(rows(t, []float64{0.5, 0.5}, []float64{0.5, 0.6})); err == nil ||
		!strings.Contains(err.Error(), "row 1") {
		t.Errorf("a row that adds up to 1.1: %v", err)
	}
	if err := CheckProbabilities(rows(t, []float64{0.5, math.NaN()})); err == nil {
		t.Error("NaN is a probability")
	}
}

func TestNumbersThatATypeCannotHold(t *testing.T) {
	inf, nan := float32(math.Inf(-1)), float32(math.NaN())
	for _, bad := range []float32{inf, nan} {
		if err := Finite("x", []float32{1, 2, bad, 4}, 2); err == nil || !strings.Contains(err.Error(),
			"row 1, column 0") {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := Finite("x", []float32{math.MaxFloat32, -1, 0}, 0); err != nil {
		t.Error(err)
	}
	if err := Fits("x", []float32{65504, 65505}, 0, MaxFloat16, "fp16"); err == nil ||
		!strings.Contains(err.Error(), "value 1") {
		t.Errorf("65505 in half precision: %v", err)
	}
	if err := Narrow("x", make([]float32, 2), []float64{1, 1e39}, 2, 5); err == nil ||
		!strings.Contains(err.Error(), "row 5, column 1") {
		t.Errorf("1e39 in float32: %v", err)
	}
}

func TestSharedRowsAreCounted(t *testing.T) {
	a := rows(t, []float64{1, 2}, []float64{3, 4}, []float64{5, 6})
	b := rows(t, []float64{7, 8}, []float64{3, 4}, []float64{1, 2}, []float64{2, 1})
	if n, err := Shared(a, b); err != nil || n != 2 {
		t.Errorf("%d shared, %v; want 2", n, err)
	}
}
