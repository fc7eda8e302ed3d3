package calib

import (
	"errors"
	"math"
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
		part := dealt(y, alone(len(y)), parts, 7)
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
	for i, p := range dealt(y, alone(len(y)), parts, 7) {
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

// alone are the firsts of samples without copies.
func alone(n int) []int {
	firsts := make([]int, n)
	for i := range firsts {
		firsts[i] = i
	}
	return firsts
}

// Copies of one picture tell nothing of each other: with every sample there three
// times but for rounding, each is mapped as by a fit without its copies.
func TestCrossFitKeepsCopiesTogether(t *testing.T) {
	const n, k, parts = 60, 3, 5
	z, y := drawn(rand.New(rand.NewPCG(9, 3)), n, k)
	tripled, labels := NewMatrix(3*n, k), make([]int, 3*n)
	for i := range 3 * n {
		labels[i] = y[i%n]
		for c, v := range z.Row(i % n) {
			tripled.Row(i)[c] = v + 1e-5*float64(i/n)
		}
	}
	firsts := NewTwins(tripled).Firsts()
	for i, first := range firsts {
		if first != i%n {
			t.Fatalf("row %d is taken for a copy of %d", i, first)
		}
	}
	// A likelihood thrice over has the same best temperature.
	want, err := CrossFit(Temperature, z, y, parts, FitOptions{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	got, err := CrossFit(Temperature, tripled, labels, parts, FitOptions{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * n {
		for c, v := range got.Row(i) {
			if math.Abs(v-want.Row(i % n)[c]) > 1e-3 {
				t.Fatalf("row %d: %v, without copies %v", i, got.Row(i), want.Row(i%n))
			}
		}
	}
	same := NewMatrix(9, k)
	for i := range same.N {
		copy(same.Row(i), z.Row(i%3))
	}
	if _, err := CrossFit(Temperature, same, y[:9], parts, FitOptions{}, 0); !errors.Is(err, ErrFewSamples) {
		t.Errorf("three samples three times: %v", err)
	}
}

func TestTwinsDifferByRoundingOnly(t *testing.T) {
	z := Matrix{3, 2, []float64{20, 30, 20.00005, 30, 20, 30.1}}
	twins := NewTwins(z)
	for i, c := range []struct {
		row  []float64
		want int
	}{
		{[]float64{20.0009, 30}, 0}, {[]float64{20, 30.002}, -1}, {[]float64{20, 30.1005}, 2},
		{[]float64{20, 30, 1}, -1},
	} {
		if got := twins.Of(c.row); got != c.want {
			t.Errorf("%d: %d, want %d", i, got, c.want)
		}
	}
	// Of a small scale, rows that lie near are not the same.
	if got := NewTwins(Matrix{1, 2, []float64{0.2, 0.21}}).Of([]float64{0.2001, 0.21}); got != -1 {
		t.Errorf("cosines: %d", got)
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
