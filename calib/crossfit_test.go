package calib

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCrossFitMapsEachSampleByTheOthers(t *testing.T) {
	const parts, k = 4, 5
	z, y := drawn(rand.New(rand.NewPCG(9, 1)), 203, k)
	for _, kind := range CalibratorKinds() {
		got, err := CrossFit(kind, z, y, parts, FitOptions{}, 7)
		if err != nil {
			t.Fatal(kind, err)
		}
		// A sample's own label has no part in its map: with other labels in its
		// part, the part's rows stay.
		part := dealt(y, parts, 7)
		for p := range parts {
			var rest []int
			for i := range part {
				if part[i] != p {
					rest = append(rest, i)
				}
			}
			rows, err := SelectRows(z, rest)
			if err != nil {
				t.Fatal(err)
			}
			var labels []int
			for _, i := range rest {
				labels = append(labels, y[i])
			}
			c, _, err := FitCalibrator(kind, rows, labels, FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			all, err := c.Apply(z)
			if err != nil {
				t.Fatal(err)
			}
			want, err := Collect(all)
			if err != nil {
				t.Fatal(err)
			}
			for i := range part {
				if part[i] == p && !slices.Equal(got.Row(i), want.Row(i)) {
					t.Fatalf("%s: row %d of part %d is %v, want %v", kind, i, p, got.Row(i), want.Row(i))
				}
			}
		}
	}
	sizes, ofClass := make([]int, parts), map[[2]int]int{}
	for i, p := range dealt(y, parts, 7) {
		sizes[p]++
		ofClass[[2]int{p, y[i]}]++
	}
	if slices.Max(sizes)-slices.Min(sizes) > 1 {
		t.Errorf("parts of %v", sizes)
	}
	for class := range k {
		least, most := 203, 0
		for p := range parts {
			n := ofClass[[2]int{p, class}]
			least, most = min(least, n), max(most, n)
		}
		if most-least > 1 {
			t.Errorf("class %d has %d to %d samples a part", class, least, most)
		}
	}
	if _, err := CrossFit(Temperature, z, y, 1, FitOptions{}, 0); !errors.Is(err, ErrFewSamples) {
		t.Errorf("one part: %v", err)
	}
	few := Matrix{3, k, z.Data[:3*k]}
	if _, err := CrossFit(Temperature, few, y[:3], 5, FitOptions{}, 0); !errors.Is(err, ErrFewSamples) {
		t.Errorf("three samples: %v", err)
	}
}

func TestATemperatureAppliesToOtherClasses(t *testing.T) {
	z, _ := drawn(rand.New(rand.NewPCG(9, 2)), 4, 3)
	rows, err := Calibrator{Kind: Temperature, Classes: 5, Temperature: 2}.Apply(z)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Collect(rows)
	if err != nil || m.Data[5] != z.Data[5]/2 {
		t.Error(m, err)
	}
	vector := Calibrator{Kind: Vector, Classes: 2, Weights: []float64{1, 1}, Bias: []float64{0, 0}}
	if _, err := vector.Apply(z); err == nil {
		t.Error("a vector of two classes on logits of three")
	}
}
