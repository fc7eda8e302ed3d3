package cli

import (
	"context"
	"strings"
	"time"

	"clipcalib/adapt"
	"clipcalib/internal/bench"
	"clipcalib/internal/data"
	"clipcalib/internal/demo"
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

// mlperfFlags are those of bench --mlperf-like.
type mlperfFlags struct {
	like     bool
	time     time.Duration
	samples  int
	weights  string
	data     string
	template []string
}

func (p *mlperfFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&p.like, "mlperf-like", false, "measure by MLPerf Inference's rules, as far as they go")
	f.DurationVar(&p.time, "mlperf-time", bench.MLPerfTime, "least time of each scenario")
	f.IntVar(&p.samples, "mlperf-samples", bench.MLPerfSamples, "least samples of the Offline scenario")
	f.StringVar(&p.weights, "weights", "", "of --mlperf-like: checkpoint (default: the demo's model)")
	f.StringVar(&p.data, "data", "",
		"of --mlperf-like: data set, its test part where it has parts (default: the demo's "+
			"emoji)")
	f.StringArrayVar(&p.template, "template", nil, "of --mlperf-like: prompt with {} for the class name")
}

// names are the flags that add adds.
func (p *mlperfFlags) names() []string {
	return namesOf(func(c *cobra.Command) { new(mlperfFlags).add(c) })
}

// mlperf measures by MLPerf's rules.
func (a *app) mlperf(ctx context.Context, o bench.Options, f mlperfFlags, files []string) error {
	switch {
	case f.time <= 0 || f.samples < 1:
		return usagef("--mlperf-time and --mlperf-samples want more than 0")
	case (f.weights == "") != (f.data == ""):
		return usagef("--mlperf-like wants --weights and --data together, or neither, for the demo's")
	case len(f.template) > 0 && f.data == "":
		return usagef("--template has no use without --data")
	case len(o.Batches) > 1:
		return usagef("--batches: --mlperf-like takes one batch, of the Offline scenario")
	}
	p := bench.MLPerf{Time: f.time, Samples: f.samples, Name: f.weights}
	var err error
	if f.data == "" {
		err = demoMLPerf(&p)
	} else {
		err = a.givenMLPerf(&p, f)
	}
	if err != nil {
		return err
	}
	defer p.Checkpoint.Close()
	if err := a.benchOn(&o); err != nil {
		return err
	}
	if len(o.Batches) == 0 {
		o.Batches = []int{32}
		if strings.HasPrefix(o.Device.Kind, "cuda") {
			o.Batches = []int{256}
		}
	}
	o.Parts = []string{bench.Peaks}
	o.Budget = 3 * time.Second
	r, err := until(ctx, func() (bench.Result, error) { return bench.MeasureMLPerf(ctx, o, p) })
	if err != nil {
		return err
	}
	return a.benchResult(r, files)
}

// givenMLPerf opens the checkpoint and the data set that the flags name.
func (a *app) givenMLPerf(p *bench.MLPerf, f mlperfFlags) (err error) {
	s := sourceFlags{templates: f.template}
	if p.Set, err = a.load(s, f.data, "test"); err != nil {
		return err
	}
	p.Templates = s.prompts(p.Set, adapt.Textbook)
	p.Checkpoint, err = weights.OpenCLIP(f.weights, weights.Options{})
	return err
}

// demoMLPerf takes the shipped model and its emoji.
func demoMLPerf(p *bench.MLPerf) error {
	task, err := demo.EmojiPack()
	if err != nil {
		return err
	}
	set, err := task.Source().Set(demo.FoldTest)
	if err != nil {
		return err
	}
	named := data.Set(*set)
	named.Name = "the demo's " + task.Name
	p.Set, p.Templates, p.Name = &named, task.Templates[:1], demo.ModelName
	file, err := weights.OpenBytes(demo.ModelName, demo.Model())
	if err != nil {
		return err
	}
	p.Checkpoint, err = file.CLIP(weights.Options{})
	return err
}
