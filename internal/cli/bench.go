package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"clipcalib/internal/bench"

	"github.com/spf13/cobra"
)

func benchCommand(a *app) *cobra.Command {
	var o bench.Options
	c := &cobra.Command{
		Use:   "bench",
		Short: "Throughput with FLOP/s and share of the measured peak, on random weights",
		Long: `Measures the matrix-product peak and the memory bandwidth of the engine, then
images/s, prompts/s and adapter steps/s, each as the median of several runs with
the rate of arithmetic it reached and its share of that peak. No checkpoint is
needed.`,
		Example: "  clipcalib bench\n  clipcalib bench --models ViT-L/14 --batches 8,32 --precision bf16 --json > l14.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, b := range o.Batches {
				if b < 1 {
					return usagef("--batches: %d is not a batch", b)
				}
			}
			for _, m := range o.Models {
				if _, err := bench.Config(m); err != nil {
					return usagef("--models: %w", err)
				}
			}
			if o.Prompts < 0 || o.Steps < 0 || o.Budget <= 0 {
				return usagef("--prompts and --steps want 0 or more, --time more than 0")
			}
			o.Device = a.deviceOptions()
			o.Note = func(what string) { a.note("%s", what) }
			r, err := bench.Run(c.Context(), o)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(r)
			}
			return a.printBench(r)
		},
	}
	fl := c.Flags()
	fl.StringSliceVar(&o.Models, "models", []string{"ViT-B/32", "ViT-B/16"}, "ViT-B/32, ViT-B/16, ViT-L/14")
	fl.IntSliceVar(&o.Batches, "batches", []int{1, 8, 32}, "images encoded at a time")
	fl.IntVar(&o.Prompts, "prompts", 1000, "class prompts encoded at once, up to 1000; 0 leaves them out")
	fl.IntVar(&o.Steps, "steps", 200, "TaskRes steps; 0 leaves them out")
	fl.DurationVar(&o.Budget, "time", 5*time.Second, "time for each figure")
	return c
}

func (a *app) printBench(r bench.Result) error {
	fmt.Fprintf(a.out, "%s\nmatrix products reach %.0f GFLOP/s, memory %.1f GB/s\n\n", r.Engine, r.PeakGFLOPS, r.BandwidthGBS)
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "what\tmodel\tbatch\trate\t\tGFLOP/s\tof peak\truns\tslowest/fastest\t")
	for _, f := range r.Figures {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.4g\t%s\t%.0f\t%.0f%%\t%d\t%.2f\t\n", f.What, f.Model, f.Batch, f.Rate, f.Unit, f.GFLOPS, 100*f.Share, f.Runs, f.Spread)
	}
	return w.Flush()
}
