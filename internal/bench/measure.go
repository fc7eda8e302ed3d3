package bench

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"clipcalib/adapt"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/imagenet"
	"clipcalib/text"
	"clipcalib/vit"

	"gorgonia.org/tensor"
)

// Options says what is measured and for how long.
type Options struct {
	Device  device.Options
	Models  []string
	Batches []int
	Prompts int           // class prompts encoded at once
	Steps   int           // of TaskRes
	Budget  time.Duration // for each figure
	Note    func(string)  // told what is being measured
}

// Figure is one measurement.
type Figure struct {
	What   string  `json:"what"`
	Model  string  `json:"model,omitempty"`
	Batch  int     `json:"batch,omitempty"`
	Rate   float64 `json:"rate"`              // in Unit
	Unit   string  `json:"unit"`              // "images/s" and the like
	GFLOPS float64 `json:"gflop_s,omitempty"` // reached
	Share  float64 `json:"share,omitempty"`   // of the measured peak
	Runs   int     `json:"runs"`
	Spread float64 `json:"spread"` // slowest over fastest run
}

// Result is everything measured on one engine.
type Result struct {
	Engine       string   `json:"engine"`
	PeakGFLOPS   float64  `json:"peak_gflop_s"`
	BandwidthGBS float64  `json:"bandwidth_gb_s"`
	Figures      []Figure `json:"figures"`
}

// Run measures.
func Run(ctx context.Context, o Options) (Result, error) {
	e, err := device.Open(o.Device)
	if err != nil {
		return Result{}, err
	}
	defer e.Close()
	r := Result{Engine: e.Name()}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	o.Note("matrix-product peak and bandwidth")
	if r.PeakGFLOPS, err = o.peak(ctx, e); err != nil {
		return r, err
	}
	if r.BandwidthGBS, err = o.bandwidth(ctx, e); err != nil {
		return r, err
	}
	for _, name := range o.Models {
		if err := o.model(ctx, e, name, &r); err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	if o.Steps > 0 {
		o.Note("TaskRes steps")
		if err := o.taskRes(ctx, e, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// timed runs f once to warm up, then until the budget is spent, at least three
// times, and returns the median and the spread.
func (o Options) timed(ctx context.Context, f func() error) (median time.Duration, runs int, spread float64, err error) {
	if err := f(); err != nil {
		return 0, 0, 0, err
	}
	var times []time.Duration
	for begun := time.Now(); len(times) < 3 || time.Since(begun) < o.Budget; {
		if err := ctx.Err(); err != nil {
			return 0, 0, 0, err
		}
		t := time.Now()
		if err := f(); err != nil {
			return 0, 0, 0, err
		}
		times = append(times, time.Since(t))
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return times[len(times)/2], len(times), float64(times[len(times)-1]) / float64(times[0]), nil
}

// figure turns the median time of n items and their work into a Figure.
func (r *Result) figure(f Figure, n int, flops float64, median time.Duration) {
	s := median.Seconds()
	f.Rate = float64(n) / s
	if flops > 0 {
		f.GFLOPS = flops / s / 1e9
		f.Share = f.GFLOPS / r.PeakGFLOPS
	}
	r.Figures = append(r.Figures, f)
}

// peak is the rate of the product of ViT-B's first MLP layer for 8 images, the
// largest of the tower, with a frozen weight.
func (o Options) peak(ctx context.Context, e engine.Engine) (float64, error) {
	const m, n, k = 1576, 3072, 768
	var ts []*tensor.Dense
	for _, s := range [][2]int{{m, k}, {n, k}, {m, n}} {
		t, err := e.New(tensor.Float32, s[0], s[1])
		if err != nil {
			return 0, err
		}
		defer e.Release(t)
		if err := e.Fill(t, 0.5); err != nil {
			return 0, err
		}
		ts = append(ts, t)
	}
	e.Freeze(ts[1])
	median, _, _, err := o.timed(ctx, func() error {
		if err := e.Gemm(engine.Gemm{A: ts[0], B: ts[1], Out: ts[2], TransB: true, Alpha: 1}); err != nil {
			return err
		}
		return e.Sync()
	})
	return 2 * m * n * k / median.Seconds() / 1e9, err
}

// bandwidth is the rate of a sum of two large vectors, three transfers each.
func (o Options) bandwidth(ctx context.Context, e engine.Engine) (float64, error) {
	const n = 1 << 25
	var ts []*tensor.Dense
	for range 3 {
		t, err := e.New(tensor.Float32, n)
		if err != nil {
			return 0, err
		}
		defer e.Release(t)
		ts = append(ts, t)
	}
	median, _, _, err := o.timed(ctx, func() error {
		if err := e.Axpby(ts[2], 1, ts[0], 1, ts[1]); err != nil {
			return err
		}
		return e.Sync()
	})
	return 3 * 4 * n / median.Seconds() / 1e9, err
}

func (o Options) model(ctx context.Context, e engine.Engine, name string, r *Result) error {
	c, err := Config(name)
	if err != nil {
		return err
	}
	ck, err := Random(c)
	if err != nil {
		return err
	}
	defer ck.Close()
	for _, batch := range o.Batches {
		o.Note(fmt.Sprintf("%s: images, batch %d", name, batch))
		images, err := vit.NewEncoderOn(e, ck, batch)
		if err != nil {
			return err
		}
		in := make([][]float32, batch)
		for i := range in {
			in[i] = make([]float32, images.Preprocessor().Len())
		}
		median, runs, spread, err := o.timed(ctx, func() error { _, err := images.Encode(ctx, in); return err })
		images.Close()
		if err != nil {
			return err
		}
		r.figure(Figure{What: "image encoding", Model: name, Batch: batch, Unit: "images/s", Runs: runs, Spread: spread},
			batch, float64(batch)*imageFLOPs(c), median)
	}
	if o.Prompts < 1 {
		return nil
	}
	o.Note(fmt.Sprintf("%s: %d prompts", name, o.Prompts))
	texts, err := text.NewEncoderOn(e, ck, 0)
	if err != nil {
		return err
	}
	defer texts.Close()
	names := imagenet.Names()
	if o.Prompts > len(names) {
		return fmt.Errorf("%d prompts: there are %d class names", o.Prompts, len(names))
	}
	tokens, err := text.NewTokenizer().TokenizePrompts(text.TemplateDefault, names[:o.Prompts])
	if err != nil {
		return err
	}
	trie, err := text.NewTrie(tokens)
	if err != nil {
		return err
	}
	depths := 0
	for _, d := range trie.Depth {
		depths += int(d)
	}
	median, runs, spread, err := o.timed(ctx, func() error { _, err := texts.EncodeTokens(ctx, tokens); return err })
	if err != nil {
		return err
	}
	r.figure(Figure{What: "prompt encoding", Model: name, Batch: o.Prompts, Unit: "prompts/s", Runs: runs, Spread: spread},
		o.Prompts, textFLOPs(c, trie.Len(), depths, o.Prompts), median)
	return nil
}

// taskRes measures training steps on features of ImageNet's width and classes.
func (o Options) taskRes(ctx context.Context, e engine.Engine, r *Result) error {
	const n, d, k, batch = 2048, 512, 1000, 256
	data := adapt.Data{Features: adapt.NewMatrix(n, d), Prototypes: adapt.NewMatrix(k, d), Labels: make([]int, n)}
	for i := range data.Features.Data {
		data.Features.Data[i] = float32((i*7919)%1009)/1009 - 0.5
	}
	for i := range data.Prototypes.Data {
		data.Prototypes.Data[i] = float32((i*104729)%1013)/1013 - 0.5
	}
	for i := range data.Labels {
		data.Labels[i] = i % k
	}
	epochs := max(1, o.Steps/(n/batch))
	var begun, ended time.Time
	steps := 0
	opt := adapt.Options{Epochs: epochs + 1, Batch: batch, Engine: e, Progress: func(p adapt.Progress) {
		if p.Epoch == 1 { // the first epoch compiles
			begun = time.Now()
			return
		}
		ended = time.Now()
		steps += p.Steps
	}}
	if _, err := adapt.Train(ctx, adapt.TaskRes{}, adapt.None{}, data, opt); err != nil {
		return err
	}
	if steps == 0 {
		return errors.New("TaskRes: no step was measured")
	}
	r.figure(Figure{What: "TaskRes step, 1,000 classes", Batch: batch, Unit: "steps/s", Runs: steps, Spread: 1},
		steps, float64(steps)*4*batch*d*k, ended.Sub(begun))
	return nil
}
