package cli

import (
	"fmt"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/run"
)

// remedied are logits after a remedy, and what that came to.
type remedied struct {
	logits      calib.Matrix
	temperature *calib.TemperatureFit
	dac         *dacFactors
}

// dacFactors sums up what distance-aware calibration does to the classes.
type dacFactors struct {
	Neighbours int     `json:"neighbours"`
	Least      float64 `json:"least_factor"`
	Mean       float64 `json:"mean_factor"`
	Greatest   float64 `json:"greatest_factor"`
}

// words says what the remedy came to, behind its name.
func (r remedied) words() string {
	switch {
	case r.temperature != nil:
		return fmt.Sprintf(", T = %.4f", r.temperature.T)
	case r.dac != nil:
		return fmt.Sprintf(", factors %.4f to %.4f, mean %.4f, of %d neighbours", r.dac.Least, r.dac.Greatest, r.dac.Mean, r.dac.Neighbours)
	}
	return ""
}

// apply returns the logits after the remedy.
func (f calibrateFlags) apply(logits calib.Matrix) (remedied, error) {
	switch f.remedy {
	case "none":
		return remedied{logits: logits}, nil
	case "sals":
		return f.sals(logits)
	case "temperature":
		return f.scaled(logits)
	case run.RemedyDAC:
		return f.distanceAware(logits)
	}
	return remedied{}, usagef("--remedy %s: choose none, sals, temperature or dac (zs-norm and penalty act in training: clipcalib adapt)", f.remedy)
}

func (f calibrateFlags) sals(logits calib.Matrix) (r remedied, err error) {
	if f.zeroShot == "" {
		return r, usagef("--remedy sals wants the zero-shot logits: --zero-shot FILE.npy")
	}
	zs, err := readMatrix("--zero-shot", f.zeroShot)
	if err != nil {
		return r, err
	}
	if zs.N != logits.N || zs.K != logits.K {
		return r, fmt.Errorf("--zero-shot %s: logits [%d, %d], but --logits has [%d, %d]; both must hold the same samples and classes", f.zeroShot, zs.N, zs.K, logits.N, logits.K)
	}
	r.logits, err = calib.SaLS(logits, zs)
	return r, err
}

func (f calibrateFlags) scaled(logits calib.Matrix) (r remedied, err error) {
	if f.fitLogits == "" || f.fitLabels == "" {
		return r, usagef("--remedy temperature wants a labelled set to fit on: --fit-logits and --fit-labels")
	}
	fit, err := readMatrix("--fit-logits", f.fitLogits)
	if err != nil {
		return r, err
	}
	labels, err := readLabels("--fit-labels", f.fitLabels, fit)
	if err != nil {
		return r, err
	}
	t, err := calib.FitTemperature(fit, labels)
	if err != nil {
		return r, fmt.Errorf("fit temperature: %w", err)
	}
	r.temperature = &t
	r.logits, err = calib.Scale(logits, t.T)
	return r, err
}

func (f calibrateFlags) distanceAware(logits calib.Matrix) (r remedied, err error) {
	if f.classFeatures == "" {
		return r, usagef("--remedy dac wants the text features of the classes: --class-features FOLDER")
	}
	if f.neighbours < 1 {
		return r, usagef("--neighbours wants at least 1")
	}
	features, err := run.ReadClassFeatures(f.classFeatures)
	if err != nil {
		return r, fmt.Errorf("--class-features: %w", err)
	}
	factors, err := calib.DACFactors(features, f.neighbours)
	if err != nil {
		return r, fmt.Errorf("--class-features %s: %w", f.classFeatures, err)
	}
	if len(factors) != logits.K {
		return r, fmt.Errorf("--class-features %s: %d new classes, but --logits has %d columns", f.classFeatures, len(factors), logits.K)
	}
	r.dac = &dacFactors{Neighbours: f.neighbours, Least: slices.Min(factors), Greatest: slices.Max(factors)}
	for _, v := range factors {
		r.dac.Mean += v / float64(len(factors))
	}
	r.logits, err = calib.DAC(logits, factors)
	return r, err
}
