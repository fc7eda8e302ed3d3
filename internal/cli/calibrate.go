package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/gate"
	"clipcalib/internal/npy"
	"clipcalib/internal/run"

	"github.com/spf13/cobra"
)

// calibrateFlags are the inputs of the calibrate command.
type calibrateFlags struct {
	rowFlags
	zeroShot             string
	fitLogits, fitLabels string
	fitFraction          float64
	fitOnMeasured        bool
	classFeatures        string
	neighbours           int
	l2                   float64
	remedy, out          string
	calibrator, save     string
	bins, fineBins       int
	draws                int
	level                float64
	seed                 uint64
	perClass             bool
	plot                 string
}

func calibrateCommand(a *app) *cobra.Command {
	var f calibrateFlags
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Calibration of logits from any model, with or without a remedy",
		Long: `Measures the calibration of logits from any model; no model is needed. Files are
.npy, .npz, .csv, .tsv, .pt, .safetensors or .parquet. Behind a path, #NAME picks
an array of a file with several, or columns of a table: all.npz#logits,
preds.csv#logit_*.

A remedy is shown before and after, side by side, with bootstrap intervals.

  sals         each sample's logits are scaled to the range of its --zero-shot
  dac          distance-aware: --class-features holds four tables of text features,
               zero_shot_base.npy, tuned_base.npy, zero_shot_new.npy, tuned_new.npy
  temperature, vector, matrix, platt, isotonic, histogram
               are fitted on labelled logits: --fit-logits and --fit-labels, or a
               share of the file itself that is then not measured: --fit-fraction;
               on the samples that are measured only with --fit-on-measured

--save-calibrator keeps what was fitted, --calibrator uses it again.`,
		Example: `  clipcalib calibrate --logits logits.npy --labels labels.npy
  clipcalib calibrate --logits adapted.npy --zero-shot zs.npy --labels y.npy --remedy sals --out scaled.npy
  clipcalib calibrate --logits test.npz --labels test.npz --remedy temperature --fit-fraction 0.2 --plot r.pdf
  clipcalib calibrate --logits new.npy --labels y.npy --remedy dac --class-features text/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.asked = c.Flags().Changed("probabilities")
			if err := f.mode(c).check(c); err != nil {
				return err
			}
			return a.calibrate(c.Context(), f)
		},
	}
	fl := c.Flags()
	f.rowFlags.add(c)
	fl.StringVar(&f.zeroShot, "zero-shot", "", "zero-shot logits of the same samples [N, K] (for sals)")
	fl.StringVar(&f.remedy, "remedy", "none", strings.Join(logitRemedies(), ", "))
	fl.StringVar(&f.fitLogits, "fit-logits", "", "logits to fit on [M, K]")
	fl.StringVar(&f.fitLabels, "fit-labels", "", "their labels [M]")
	fl.Float64Var(&f.fitFraction, "fit-fraction", 0,
		"fit on this share of every class of --logits and measure the rest")
	fl.BoolVar(&f.fitOnMeasured, "fit-on-measured", false,
		"fit on the samples that are measured, which flatters the result")
	fl.Float64Var(&f.l2, "l2", 0, "weight of squared off-diagonal weights and biases (for vector and matrix)")
	fl.StringVar(&f.calibrator, "calibrator", "",
		"apply a calibrator that --save-calibrator wrote, in place of --remedy")
	fl.StringVar(&f.save, "save-calibrator", "", "keep the fitted calibrator here, .json")
	fl.StringVar(&f.classFeatures, "class-features", "", "folder of the classes' text features (for dac)")
	fl.IntVar(&f.neighbours, "neighbours", calib.DefaultNeighbours,
		"nearest classes tuned on that a class is compared with (for dac)")
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE")
	fl.IntVar(&f.fineBins, "fine-bins", 15, "bins of adaptive, classwise and L2 errors and of histogram")
	fl.IntVar(&f.draws, "draws", 1000, "bootstrap draws for the intervals; 0 is none")
	fl.Float64Var(&f.level, "level", calib.DefaultLevel, "coverage of the intervals")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the draws and of --fit-fraction")
	fl.BoolVar(&f.perClass, "per-class", false, "print a line per class too")
	fl.StringVar(&f.plot, "plot", "", "draw the reliability diagram here, .svg, .pdf or .png")
	fl.StringVar(&f.out, "out", "", "write the logits after the remedy here, .npy")
	c.MarkFlagRequired("logits")
	c.MarkFlagRequired("labels")
	completes(c, "remedy", logitRemedies()...)
	return c
}

// mode says which flags have a use beside the others; those that a remedy passes
// over, checkRemedy refuses.
func (f calibrateFlags) mode(c *cobra.Command) mode {
	switch {
	case f.draws == 0 && f.fitFraction == 0:
		return without(c, "without --draws", "level", "seed")
	case f.draws == 0:
		return without(c, "without --draws", "level")
	case f.remedy != run.RemedyDAC:
		return without(c, "without --remedy dac", "neighbours")
	}
	return without(c, "")
}

// logitRemedies are the remedies that act on logits.
func logitRemedies() []string {
	return append([]string{"none", "sals", run.RemedyDAC}, calib.CalibratorKinds()...)
}

// check is what can be refused before anything is read.
func (f calibrateFlags) check() error {
	if f.bins < 1 || f.fineBins < 1 {
		return usagef("--bins and --fine-bins want at least 1")
	}
	if f.draws != 0 && f.draws < 20 {
		return usagef("--draws %d: want 0, which is none, or at least 20", f.draws)
	}
	if !(f.level > 0 && f.level < 1) {
		return usagef("--level %g: want a share between 0 and 1, as 0.95", f.level)
	}
	if f.plot != "" {
		if err := plotFormat(f.plot); err != nil {
			return err
		}
	}
	return f.checkRemedy()
}

func (a *app) calibrate(ctx context.Context, f calibrateFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	for _, path := range []string{f.out, f.save, f.plot} {
		if path != "" {
			if err := checkOutputFile(path); err != nil {
				return err
			}
		}
	}
	files := fileSet{logits: f.logits, labels: f.labels, zeroShot: f.zeroShot, foldLogits: f.fitLogits,
		foldLabels: f.fitLabels, foldFlags: [2]string{"--fit-logits", "--fit-labels"}}
	if err := files.check(); err != nil {
		return err
	}
	in, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	opt := calib.Options{Bins: f.bins, FineBins: f.fineBins}
	r, err := f.apply(ctx, in)
	if err != nil {
		return err
	}
	before, err := calib.PredictRows(r.measured, r.labels, opt)
	if err != nil {
		return fmt.Errorf("--logits %s: %w", f.logits, err)
	}
	after := before
	if r.changed() {
		if after, err = calib.PredictRows(r.logits, r.labels, opt); err != nil {
			return fmt.Errorf("after %s: %w", r.name, err)
		}
	}
	s := summary{flags: f, remedied: r, opt: opt, before: before, after: after, notes: append(in.notes, r.notes...)}
	if err := s.resample(); err != nil {
		return err
	}
	if err := f.write(r, s); err != nil {
		return err
	}
	for _, n := range s.notes {
		fmt.Fprintf(a.err, "note: %s\n", n)
	}
	if a.json {
		return a.printJSON(s.document())
	}
	return s.print(a.out)
}

// write puts the files that were asked for in place.
func (f calibrateFlags) write(r remedied, s summary) error {
	if f.save != "" {
		err := atomicfile.Write(f.save, func(w io.Writer) error { return calib.SaveCalibrator(w, *r.saved) })
		if err != nil {
			return err
		}
	}
	if f.out != "" {
		if err := writeRows(f.out, r.logits); err != nil {
			return err
		}
	}
	if f.plot != "" {
		return s.plot(f.plot)
	}
	return nil
}

// writeRows writes logits as float32, piece by piece.
func writeRows(path string, rows calib.Rows) error {
	n, k := rows.Shape()
	return npy.WriteRows(path, n, k, func(dst []float32, from int) error {
		wide := make([]float64, len(dst))
		if err := rows.ReadRows(wide, from); err != nil {
			return err
		}
		return gate.Narrow("logits for "+filepath.Base(path), dst, wide, k, from)
	})
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
