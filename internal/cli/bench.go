package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"clipcalib/internal/bench"
	"clipcalib/internal/device"

	"github.com/spf13/cobra"
)

func benchCommand(a *app) *cobra.Command {
	var o bench.Options
	var compare, show bool
	c := &cobra.Command{
		Use:   "bench [--show A.json | --compare A.json B.json]",
		Short: "Throughput with FLOP/s and shares of the measured peaks, on random weights",
		Long: `Measures the matrix-product peak and the memory bandwidth of the engine, then
images/s, prompts/s, adapter and prompt-learning steps/s and test-time tuning,
each as the median of several runs with the rate of arithmetic and the traffic it
reached and their shares of those peaks. No checkpoint is needed.

--precision takes several, comma-separated. --json names machine, driver and
program; --show prints such a file, --compare puts two side by side.`,
		Example: `  clipcalib bench
  clipcalib bench --models ViT-L/14 --batches 8,32 --precision fp32,bf16 --json > l14.json
  clipcalib bench --device cuda --what images,coop
  clipcalib bench --compare a.json b.json`,
		Args: func(c *cobra.Command, args []string) error {
			m := without(c, "")
			switch {
			case compare:
				m = mode{says: "with --compare", uses: []string{"compare"}}
			case show:
				m = mode{says: "with --show", uses: []string{"show"}}
			}
			if err := m.check(c); err != nil {
				return err
			}
			switch {
			case compare:
				return exactly("A.json", "B.json")(c, args)
			case show:
				return exactly("A.json")(c, args)
			}
			return cobra.NoArgs(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			m := without(c, "")
			switch {
			case compare:
				m = mode{says: "with --compare", uses: []string{"compare"}}
			case show:
				m = mode{says: "with --show", uses: []string{"show"}}
			}
			if err := m.check(c); err != nil {
				return err
			}
			switch {
			case compare:
				return a.compareBench(args[0], args[1])
			case show:
				r, err := bench.Read(args[0])
				if err != nil {
					return err
				}
				return a.printBench(r)
			}
			return a.bench(c.Context(), o)
		},
	}
	fl := c.Flags()
	fl.StringVar(&o.KeepModels, "keep-models", "", "folder where the random models are kept for the next run (default: "+
		"made anew)")
	fl.StringSliceVar(&o.Models, "models", nil, "ViT-B/32, ViT-B/16, ViT-L/14, RN50, RN101, RN50x4, "+
		"RN50x16, RN50x64 (default the ViTs on a GPU, the first two elsewhere); tiny tries the command")
	fl.StringSliceVar(&o.Parts, "what", bench.Parts, strings.Join(bench.Parts, ", "))
	fl.IntSliceVar(&o.Batches, "batches", nil, "images encoded at a time (default 1,32,256 on a GPU, 1,8,32 elsewhere)")
	fl.IntVar(&o.Prompts, "prompts", 1000, "class prompts encoded at once, up to 1000; 0 leaves them out")
	fl.IntVar(&o.Classes, "classes", 0, "classes of coop and tpt, up to 1000; 0 is 1000 on a GPU, 100 elsewhere")
	fl.IntVar(&o.Steps, "steps", 200, "TaskRes steps (300 epochs are 18600); 0 leaves them out")
	fl.DurationVar(&o.Budget, "time", 3*time.Second, "time for each figure")
	fl.BoolVar(&show, "show", false, "print a file written with --json")
	fl.BoolVar(&compare, "compare", false, "compare two files written with --json")
	completes(c, "models", bench.Models()...)
	completes(c, "what", bench.Parts...)
	return c
}

// benchDevice is the kind of device to measure on: what auto comes to, said once.
func (a *app) benchDevice(o device.Options) (kind string, err error) {
	d, err := device.Open(o)
	if err != nil {
		return "", err
	}
	a.noteChoice(d)
	if auto, _ := device.Chosen(d); auto {
		o.Kind = d.Kind()
	}
	return strings.ToLower(o.Kind), d.Close()
}

func (a *app) bench(ctx context.Context, o bench.Options) error {
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
	for _, p := range o.Parts {
		if !slices.Contains(bench.Parts, p) {
			return usagef("--what: %q is unknown: choose of %s", p, strings.Join(bench.Parts, ", "))
		}
	}
	if o.Prompts < 0 || o.Steps < 0 || o.Classes < 0 || o.Budget <= 0 {
		return usagef("--prompts, --classes and --steps want 0 or more, --time more than 0")
	}
	o.Device = a.deviceOptions()
	o.Precisions = strings.Split(a.precision, ",")
	o.Device.Precision = o.Precisions[0]
	kind, err := a.benchDevice(o.Device)
	if err != nil {
		return err
	}
	o.Device.Kind = kind
	models, batches := []string{"ViT-B/32", "ViT-B/16"}, []int{1, 8, 32}
	if strings.HasPrefix(kind, "cuda") {
		models, batches = append(models, "ViT-L/14"), []int{1, 32, 256}
	}
	if len(o.Models) == 0 {
		o.Models = models
	}
	if len(o.Batches) == 0 {
		o.Batches = batches
	}
	o.Note = func(what string) { a.note("%s", what) }
	// A measurement under way is not waited for when ctx ends: it ends with the
	// process, and leaves nothing.
	r, err := until(ctx, func() (bench.Result, error) { return bench.Measure(ctx, o) })
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(r)
	}
	return a.printBench(r)
}

func (a *app) printBench(r bench.Result) error {
	fmt.Fprintln(a.out, r.Machine())
	for _, run := range r.Runs {
		fmt.Fprintf(a.out, "\n%s\n", run.Engine)
		if run.PeakGFLOPS > 0 {
			fmt.Fprintf(a.out, "matrix products reach %.0f GFLOP/s, memory %.1f GB/s\n", run.PeakGFLOPS, run.BandwidthGBS)
			if k := run.Kernel; k != nil && k.PeakGFLOPS > 0 {
				fmt.Fprintf(a.out, "kernel %s: %.0f GFLOP/s on registers alone, of which products reach %.0f%%\n", k.Name,
					k.PeakGFLOPS, 100*run.PeakGFLOPS/k.PeakGFLOPS)
			}
			fmt.Fprintln(a.out)
		}
		w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "what\tmodel\tbatch\trate\t\tGFLOP/s\tof peak\tGB/s\tof bandwidth\truns\tslowest/fastest\t")
		for _, f := range run.Figures {
			fmt.Fprintf(w, "%s\t%s\t%d\t%.4g\t%s\t%.0f\t%.0f%%\t%.1f\t%.0f%%\t%d\t%.2f\t\n", f.What, f.Model, f.Batch, f.Rate,
				f.Unit,
				f.GFLOPS, 100*f.Share, f.GBS, 100*f.BandwidthShare, f.Runs, f.Spread)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// compareBench prints two results side by side.
func (a *app) compareBench(pathA, pathB string) error {
	ra, err := bench.Read(pathA)
	if err != nil {
		return err
	}
	rb, err := bench.Read(pathB)
	if err != nil {
		return err
	}
	pairs, single := bench.Compare(ra, rb)
	if len(pairs) == 0 {
		return fmt.Errorf("%s and %s have no measurement in common", pathA, pathB)
	}
	if a.json {
		return a.printJSON(map[string]any{"a": ra.Machine(), "b": rb.Machine(), "pairs": pairs, "only_in_one": single})
	}
	fmt.Fprintf(a.out, "A: %s\nB: %s\n\n", ra.Machine(), rb.Machine())
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "precision\twhat\tmodel\tbatch\tA\tB\t\tB/A\t")
	for _, p := range pairs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.4g\t%.4g\t%s\t%.2f\t\n", p.Precision, p.What, p.Model, p.Batch, p.A, p.B, p.Unit,
			p.Ratio)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if single > 0 {
		fmt.Fprintf(a.out, "\nmeasured in one file only: %d\n", single)
	}
	return nil
}
