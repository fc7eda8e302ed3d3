package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"clipcalib/internal/bench"
	"clipcalib/internal/device"

	"github.com/spf13/cobra"
)

func benchCommand(a *app) *cobra.Command {
	var o bench.Options
	var compare, show bool
	var files []string
	var relStd float64
	var p mlperfFlags
	c := &cobra.Command{
		Use:   "bench [--show A.json | --compare A.json B.json]",
		Short: "Throughput with FLOP/s and shares of the measured peaks, on random weights",
		Long: `Measures the matrix-product peak and the memory bandwidth of the engine, then
images/s, prompts/s, adapter and prompt-learning steps/s and test-time tuning,
each as the median of ten groups of runs with the rate of arithmetic and the
traffic it reached and their shares of those peaks. No checkpoint is needed.

A figure stops when the groups agree to --rel-std or --time is up, which is said.
--precision takes several, comma-separated. --json names machine, driver and
program; --show prints such a file, --compare puts two side by side and says which
differences are within noise. --out writes JSON, Markdown and drawings.

--mlperf-like measures by MLPerf Inference's rules, as far as they go without its
load generator: Offline, SingleStream and MultiStream for 600 s each, with accuracy
in the same report. It takes --weights and --data, or the demo's.`,
		Example: `  clipcalib bench
  clipcalib bench --models ViT-L/14 --batches 8,32 --precision fp32,bf16 --json > l14.json
  clipcalib bench --device cuda --what images,coop
  clipcalib bench --time 15s --out b16.json --out b16.md --out b16.svg --models ViT-B/16
  clipcalib bench --power --out b16.json --models ViT-B/16 --batches 256
  clipcalib bench --mlperf-like --weights ViT-B-16.pt --data pets/ --precision bf16 --out mlperf.md
  clipcalib bench --compare a.json b.json`,
		RunE: func(c *cobra.Command, args []string) error {
			m, names, known := without(c, "without --mlperf-like", p.names()...), []string(nil), benchFiles
			switch {
			case compare:
				m = mode{says: "with --compare", uses: []string{"compare", "out"}}
				names, known = []string{"A.json", "B.json"}, []string{".md"}
			case p.like:
				m = mode{says: "with --mlperf-like", uses: append(p.names(), "batches", "out")}
			case show:
				m, names = mode{says: "with --show", uses: []string{"show", "out"}}, []string{"A.json"}
			}
			for _, check := range []func() error{
				func() error { return m.check(c) },
				func() error { return exactly(names...)(c, args) },
				func() error { return checkBenchFiles(files, known) },
			} {
				if err := check(); err != nil {
					return err
				}
			}
			switch {
			case compare:
				return a.compareBench(args[0], args[1], files)
			case show:
				r, err := bench.Read(args[0])
				if err != nil {
					return err
				}
				return a.benchResult(r, files)
			}
			if p.like {
				return a.mlperf(c.Context(), o, p, files)
			}
			if !(relStd > 0 && relStd < 100) {
				return usagef("--rel-std %g: want more than 0 and less than 100 percent", relStd)
			}
			o.RelStd = relStd / 100
			return a.bench(c.Context(), o, files)
		},
	}
	fl := c.Flags()
	fl.StringVar(&o.KeepModels, "keep-models", "",
		"folder where the random models are kept for the next run (default: "+
			"made anew)")
	fl.StringSliceVar(&o.Models, "models", nil, "ViT-B/32, ViT-B/16, ViT-L/14, RN50, RN101, RN50x4, "+
		"RN50x16, RN50x64 (default the ViTs on a GPU, the first two elsewhere); tiny tries the command")
	fl.StringSliceVar(&o.Parts, "what", bench.Default, strings.Join(bench.Parts, ", "))
	fl.IntSliceVar(&o.Batches, "batches", nil, "images encoded at a time (default 1,32,256 on a GPU, 1,8,32 elsewhere)")
	fl.IntVar(&o.Prompts, "prompts", 1000, "class prompts encoded at once, up to 1000; 0 leaves them out")
	fl.IntVar(&o.Classes, "classes", 0, "classes of coop and tpt, up to 1000; 0 is 1000 on a GPU, 100 elsewhere")
	fl.IntVar(&o.Steps, "steps", 200, "TaskRes steps (300 epochs are 18600); 0 leaves them out")
	fl.DurationVar(&o.Budget, "time", 3*time.Second, "the most time for each figure")
	fl.Float64Var(&relStd, "rel-std", 100*bench.DefaultRelStd,
		"percent: a figure stops when ten groups of runs differ by "+
			"this relative standard deviation")
	fl.StringArrayVar(&files, "out", nil, "write the result to a file too, by its ending "+strings.Join(benchFiles,
		", ")+
		"; may be repeated")
	fl.BoolVar(&o.Power, "power", false,
		"measure each figure for 10 s at least, and with it energy: a GPU's by NVML, a "+
			"processor's by RAPL")
	fl.BoolVar(&show, "show", false, "print a file written with --json")
	fl.BoolVar(&compare, "compare", false, "compare two files written with --json")
	p.add(c)
	completes(c, "models", bench.Models()...)
	completes(c, "what", bench.Parts...)
	return c
}

// once refuses a list that names something twice: it would be measured twice under
// one name.
func once[T comparable](flag string, list []T) error {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return usagef("%s names %v twice", flag, v)
		}
	}
	return nil
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

// benchOn has o measure on the device and in the precisions that the flags name.
func (a *app) benchOn(o *bench.Options) error {
	o.Device = a.deviceOptions()
	o.Precisions = strings.Split(a.precision, ",")
	o.Device.Precision = o.Precisions[0]
	o.Note = func(what string) { a.note("%s", what) }
	kind, err := a.benchDevice(o.Device)
	o.Device.Kind = kind
	return err
}

func (a *app) bench(ctx context.Context, o bench.Options, files []string) error {
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
	if err := cmp.Or(once("--models", o.Models), once("--batches", o.Batches),
		once("--precision", strings.Split(a.precision, ","))); err != nil {
		return err
	}
	if o.Prompts < 0 || o.Steps < 0 || o.Classes < 0 || o.Budget <= 0 {
		return usagef("--prompts, --classes and --steps want 0 or more, --time more than 0")
	}
	if err := a.benchOn(&o); err != nil {
		return err
	}
	models, batches := []string{"ViT-B/32", "ViT-B/16"}, []int{1, 8, 32}
	if strings.HasPrefix(o.Device.Kind, "cuda") {
		models, batches = append(models, "ViT-L/14"), []int{1, 32, 256}
	}
	if len(o.Models) == 0 {
		o.Models = models
	}
	if len(o.Batches) == 0 {
		o.Batches = batches
	}
	// A measurement under way is not waited for when ctx ends: it ends with the
	// process, and leaves nothing.
	r, err := until(ctx, func() (bench.Result, error) { return bench.Measure(ctx, o) })
	if err != nil {
		return err
	}
	return a.benchResult(r, files)
}
