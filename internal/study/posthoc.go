package study

import (
	"fmt"
	"strings"

	"clipcalib/calib"
)

// The rows that are made from finished logits.
const (
	SaLS        = "sals"
	Temperature = "temperature"
	Transferred = "transferred temperature" // fitted on another task
	Vector      = "vector"
	Isotonic    = "isotonic"
	DAC         = "dac"
)

// fitted are the calibrators that are fitted on the validation fold.
var fitted = map[string]string{Temperature: calib.Temperature, Vector: calib.Vector, Isotonic: calib.Isotonic}

// withSaLS is the name of a remedy with SaLS behind it.
func withSaLS(remedy string) string {
	if remedy == "none" {
		return SaLS
	}
	return remedy + "+" + SaLS
}

// sals maps logits to the zero-shot range.
func sals(all []Logits) ([]Logits, error) {
	out := make([]Logits, len(all))
	for i, l := range all {
		mapped, err := calib.SaLS(l.Logits, l.ZeroShot)
		if err != nil {
			return nil, err
		}
		out[i] = l
		out[i].Logits = mapped
	}
	return out, nil
}

// FitTemperature fits a temperature on the validation fold among the logits.
func FitTemperature(all []Logits) (float64, error) {
	fold, err := foldOf(all)
	if err != nil {
		return 0, err
	}
	f, err := calib.FitTemperature(fold.Logits, fold.Labels)
	return f.T, err
}

func foldOf(all []Logits) (Logits, error) {
	for _, l := range all {
		if l.Where == Fold {
			return l, nil
		}
	}
	return Logits{}, fmt.Errorf("no validation fold among %d targets", len(all))
}

// hasEveryClass reports whether the validation fold has a picture of every class,
// without which nothing is fitted class by class.
func hasEveryClass(all []Logits) (bool, error) {
	fold, err := foldOf(all)
	seen := map[int]bool{}
	for _, y := range fold.Labels {
		seen[y] = true
	}
	return len(seen) == fold.Logits.K, err
}

// scaled divides all logits by a temperature.
func scaled(all []Logits, t float64) ([]Logits, error) {
	out := make([]Logits, len(all))
	for i, l := range all {
		m, err := calib.Scale(l.Logits, t)
		if err != nil {
			return nil, err
		}
		out[i] = l
		out[i].Logits = m
	}
	return out, nil
}

// calibrated applies a calibrator that is fitted on the validation fold. What it is
// measured as on that fold is cross-fitted over two halves. Places whose classes are
// others than the fold's are left out of those that go class by class.
func calibrated(kind string, all []Logits) ([]Logits, error) {
	fold, err := foldOf(all)
	if err != nil {
		return nil, err
	}
	c, _, err := calib.FitCalibrator(kind, fold.Logits, fold.Labels, calib.FitOptions{})
	if err != nil {
		return nil, err
	}
	var out []Logits
	for _, l := range all {
		if kind != calib.Temperature && strings.HasPrefix(l.Where, New) {
			continue
		}
		if l.Where == Fold {
			if l.Logits, err = calib.CrossFit(kind, fold.Logits, fold.Labels, 2, calib.FitOptions{}, 1); err != nil {
				return nil, err
			}
			out = append(out, l)
			continue
		}
		rows, err := c.Apply(l.Logits)
		if err != nil {
			return nil, err
		}
		if l.Logits, err = calib.Collect(rows); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}
