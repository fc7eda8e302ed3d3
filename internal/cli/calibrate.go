package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"clipcalib/calib"
	"clipcalib/internal/npy"
	"clipcalib/internal/run"

	"github.com/spf13/cobra"
)

// calibrateFlags are the inputs of the calibrate command.
type calibrateFlags struct {
	logits, zeroShot, labels string
	fitLogits, fitLabels     string
	classFeatures            string
	neighbours               int
	remedy, out              string
	bins, fineBins           int
}

func calibrateCommand(a *app) *cobra.Command {
	var f calibrateFlags
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Calibration of logits from any model, with or without a remedy",
		Long: `Measures the calibration of logits stored as .npy files; no model is needed.

With --remedy sals each sample's logits are scaled to the range of its zero-shot
logits. With --remedy temperature one temperature is fitted on --fit-logits and
--fit-labels, which should not be the set that is measured.

With --remedy dac (distance-aware calibration) each sample's logits are scaled by
how far tuning has moved the text feature of the predicted class from those of
the classes the model was tuned on. The folder --class-features holds four tables
of text features, [classes, D]: zero_shot_base.npy and tuned_base.npy of the
classes tuned on, zero_shot_new.npy and tuned_new.npy of those of the logits'
columns. clipcalib eval --remedy dac writes them for prompts learned here.`,
		Example: `  clipcalib calibrate --logits logits.npy --labels labels.npy
  clipcalib calibrate --logits adapted.npy --zero-shot zs.npy --labels y.npy --remedy sals --out scaled.npy
  clipcalib calibrate --logits new.npy --labels y.npy --remedy dac --class-features text/`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.calibrate(f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.logits, "logits", "", "logits to measure, .npy [N, K]")
	fl.StringVar(&f.labels, "labels", "", "labels, .npy [N]")
	fl.StringVar(&f.zeroShot, "zero-shot", "", "zero-shot logits of the same samples, .npy [N, K] (for sals)")
	fl.StringVar(&f.remedy, "remedy", "none", "none, sals, temperature or dac")
	fl.StringVar(&f.fitLogits, "fit-logits", "", "logits to fit the temperature on, .npy [M, K]")
	fl.StringVar(&f.fitLabels, "fit-labels", "", "their labels, .npy [M]")
	fl.StringVar(&f.classFeatures, "class-features", "", "folder of the classes' text features (for dac)")
	fl.IntVar(&f.neighbours, "neighbours", calib.DefaultNeighbours, "nearest classes tuned on that a class is compared with (for dac)")
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE")
	fl.IntVar(&f.fineBins, "fine-bins", 15, "bins of adaptive, classwise and L2 errors")
	fl.StringVar(&f.out, "out", "", "write the logits after the remedy here, .npy")
	c.MarkFlagRequired("logits")
	c.MarkFlagRequired("labels")
	completes(c, "remedy", "none", "sals", "temperature", run.RemedyDAC)
	return c
}

func (a *app) calibrate(f calibrateFlags) error {
	logits, err := readMatrix("--logits", f.logits)
	if err != nil {
		return err
	}
	labels, err := readLabels("--labels", f.labels, logits)
	if err != nil {
		return err
	}
	opt := calib.Options{Bins: f.bins, FineBins: f.fineBins}
	if f.bins < 1 || f.fineBins < 1 {
		return usagef("--bins and --fine-bins want at least 1")
	}
	r, err := f.apply(logits)
	if err != nil {
		return err
	}
	after := r.logits
	m, err := calib.Evaluate(after, labels, opt)
	if err != nil {
		return err
	}
	if f.out != "" {
		flat := make([]float32, len(after.Data))
		for i, v := range after.Data {
			flat[i] = float32(v)
		}
		if err := npy.WriteFile(f.out, flat, after.N, after.K); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(struct {
			calib.Metrics
			Remedy      string                `json:"remedy"`
			Samples     int                   `json:"samples"`
			Classes     int                   `json:"classes"`
			Bins        int                   `json:"bins"`
			Temperature *calib.TemperatureFit `json:"temperature,omitempty"`
			DAC         *dacFactors           `json:"dac,omitempty"`
		}{m, f.remedy, after.N, after.K, f.bins, r.temperature, r.dac})
	}
	fmt.Fprintf(a.out, "%d samples, %d classes, remedy %s%s\n", after.N, after.K, f.remedy, r.words())
	return a.printMetrics(m)
}

func readMatrix(flag, path string) (calib.Matrix, error) {
	n, k, data, err := npy.ReadMatrix(path)
	if err != nil {
		return calib.Matrix{}, fmt.Errorf("%s: %w", flag, err)
	}
	m := calib.Matrix{N: n, K: k, Data: data}
	if err := m.Check(); err != nil {
		return m, fmt.Errorf("%s %s: %w", flag, path, err)
	}
	return m, nil
}

// readLabels reads the labels of logits and checks that they fit them.
func readLabels(flag, path string, logits calib.Matrix) ([]int, error) {
	labels, err := npy.ReadLabels(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if len(labels) != logits.N {
		return nil, fmt.Errorf("%s %s: %d labels for %d rows of logits", flag, path, len(labels), logits.N)
	}
	for i, y := range labels {
		if y < 0 || y >= logits.K {
			return nil, fmt.Errorf("%s %s: label %d at row %d is outside 0 to %d", flag, path, y, i, logits.K-1)
		}
	}
	return labels, nil
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printMetrics prints fractions as percent, the rest as they are.
func (a *app) printMetrics(m calib.Metrics) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, r := range []struct {
		name string
		v    float64
		unit string
	}{
		{"accuracy", 100 * m.Accuracy, "%"}, {"ECE", 100 * m.ECE, "%"},
		{"adaptive ECE", 100 * m.AdaptiveECE, "%"}, {"classwise ECE", 100 * m.ClasswiseECE, "%"},
		{"MCE", 100 * m.MCE, "%"}, {"ACE", 100 * m.ACE, "%"},
		{"NLL", m.NLL, "nats"}, {"Brier", m.Brier, ""},
		{"logit range", m.LogitRange, ""}, {"logit norm", m.LogitNorm, ""},
	} {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %s\t%.4f %s", r.name, r.v, r.unit), " "))
	}
	return w.Flush()
}
