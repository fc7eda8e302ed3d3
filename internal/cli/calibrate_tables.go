package cli

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"clipcalib/calib"
)

// mostBins is how many bins are printed; JSON has any number.
const mostBins = 25

func (s *summary) printBins(out io.Writer) error {
	if s.flags.bins > mostBins {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	after, before := s.after.Reliability(s.flags.bins), s.before.Reliability(s.flags.bins)
	if s.remedied.changed() {
		fmt.Fprintf(w, "confidence\tbefore: samples\taccuracy\tgap\tafter: samples\taccuracy\tgap\t\n")
	} else {
		fmt.Fprintf(w, "confidence\tsamples\taccuracy\tinterval\tconfidence\tgap\t\n")
	}
	for m, b := range after.Bins {
		fmt.Fprintf(w, "%.3g-%.3g\t", 100*b.Lower, 100*b.Upper)
		if s.remedied.changed() {
			fmt.Fprint(w, binCells(before.Bins[m]), binCells(b), "\n")
			continue
		}
		if b.Count == 0 {
			fmt.Fprint(w, "0\t-\t-\t-\t-\t\n")
			continue
		}
		i, err := calib.Wilson(int(math.Round(b.Accuracy*float64(b.Count))), b.Count, s.flags.level)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%d\t%.1f %%\t[%.1f, %.1f]\t%.1f %%\t%+.1f\t\n", b.Count, 100*b.Accuracy, 100*i.Low,
			100*i.High, 100*b.Confidence, 100*b.Gap())
	}
	return w.Flush()
}

func binCells(b calib.Bin) string {
	if b.Count == 0 {
		return "0\t-\t-\t"
	}
	return fmt.Sprintf("%d\t%.1f %%\t%+.1f\t", b.Count, 100*b.Accuracy, 100*b.Gap())
}

func (s *summary) printClasses(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "class\tsamples\tchosen\trecall\tprecision\tconfidence\tclosed ECE\t\n")
	for _, c := range s.after.PerClass(s.flags.fineBins) {
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%s\t%s\t%.3f %%\t\n", c.Class, c.Samples, c.Chosen,
			share(c.Recall), share(c.Precision), share(c.Confidence), 100*c.ECE)
	}
	return w.Flush()
}

func share(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**v)
}
