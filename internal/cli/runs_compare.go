package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"clipcalib/calib"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

func runsCompareCommand(a *app) *cobra.Command {
	o := calib.BootstrapOptions{}
	c := &cobra.Command{
		Use:   "compare A B",
		Short: "The difference of two recipes, paired by seed and by sample, with intervals",
		Long: `A and B are runs, or folders with runs of one recipe each. Runs are paired by seed
and, on targets of the same pictures, by sample; labels must agree. The interval of
B - A is of bootstrap draws over samples that take the same samples of all runs:
it does not speak of other seeds, whose spread is shown beside.`,
		Example: "  clipcalib runs compare runs/taskres runs/taskres-sals\n  clipcalib runs compare runs/none runs/penalty --json",
		Args:    exactly("A", "B"),
		RunE: func(_ *cobra.Command, args []string) error {
			if o.Bins < 1 {
				return usagef("--bins wants at least 1")
			}
			if o.Draws < 20 || o.Draws > 10_000_000 {
				return usagef("--draws %d: want 20 to 10000000", o.Draws)
			}
			if !(o.Level > 0 && o.Level < 1) {
				return usagef("--level wants more than 0 and less than 1")
			}
			return a.runsCompare(args[0], args[1], o)
		},
	}
	fl := c.Flags()
	fl.IntVar(&o.Draws, "draws", 10_000, "bootstrap draws")
	fl.Uint64Var(&o.Seed, "seed", 0, "seed of the draws")
	fl.Float64Var(&o.Level, "level", calib.DefaultLevel, "share of the draws that an interval holds")
	fl.IntVar(&o.Bins, "bins", 10, "bins of ECE")
	return c
}

func (a *app) runsCompare(dirA, dirB string, o calib.BootstrapOptions) error {
	recipeA, err := table.ReadRecipe(dirA, o.Bins)
	if err != nil {
		return fmt.Errorf("runs compare: %w", err)
	}
	recipeB, err := table.ReadRecipe(dirB, o.Bins)
	if err != nil {
		return fmt.Errorf("runs compare: %w", err)
	}
	found, notes, err := table.Compare(recipeA, recipeB, o)
	if err != nil {
		return fmt.Errorf("runs compare: %w", err)
	}
	for _, n := range notes {
		fmt.Fprintf(a.err, "runs compare: %s\n", n)
	}
	if a.json {
		return a.printJSON(map[string]any{"a": dirA, "b": dirB, "draws": o.Draws, "seed": o.Seed, "level": o.Level,
			"bins": o.Bins, "notes": append([]string{}, notes...), "targets": found})
	}
	fmt.Fprintf(a.out, "A  %s\nB  %s\n", dirA, dirB)
	fmt.Fprintf(a.out, "B - A with %g %% intervals of %d paired draws over samples; accuracy and ECE in per cent\n", 100*o.Level, o.Draws)
	for _, c := range found {
		seeds := "seed " + strings.Join(c.Seeds, ", ")
		fmt.Fprintf(a.out, "\n%s: %d samples, %s\n", c.Target, c.Samples, seeds)
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "\tA\tB\tB - A\tinterval\t")
		for _, m := range table.Compared {
			d, zero := c.Diff[m.Key], ""
			if d.IncludesZero {
				zero = "includes zero"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%+.*f\t%+.*f to %+.*f\t%s\n", m.Title, spreadText(m, c.A[m.Key]), spreadText(m, c.B[m.Key]),
				m.Digits, m.Factor*d.Value, m.Digits, m.Factor*d.Low, m.Digits, m.Factor*d.High, zero)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func spreadText(m table.Metric, s table.Spread) string {
	if s.N < 2 {
		return fmt.Sprintf("%.*f", m.Digits, m.Factor*s.Mean)
	}
	return fmt.Sprintf("%.*f ± %.*f", m.Digits, m.Factor*s.Mean, m.Digits, m.Factor*s.Std)
}
