// Package bench measures what an engine reaches: its matrix-product peak and
// memory bandwidth, encoding of images and prompts, steps of adapters and of
// prompt learning, and test-time tuning, each with the work it needs and the
// share of the peaks it got. Weights and pictures are random: time does not
// depend on them.
package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/weights"
)

// What can be measured.
const (
	Peaks   = "peaks"   // of matrix products and memory, which shares are of
	Images  = "images"  // encoding of pictures
	Prompts = "prompts" // encoding of class prompts
	TaskRes = "taskres" // training of an adapter on features
	CoOp    = "coop"    // learning of a prompt
	TPT     = "tpt"     // test-time tuning of a prompt
)

// Parts lists them all.
var Parts = []string{Peaks, Images, Prompts, TaskRes, CoOp, TPT}

// Options says what is measured and for how long.
type Options struct {
	Device     device.Options
	Precisions []string // measured one after the other; empty means Device.Precision
	Models     []string
	KeepModels string   // folder where random models are kept from run to run; empty: nowhere
	Parts      []string // of Parts; empty means all
	Batches    []int
	Prompts    int           // class prompts encoded at once, up to 1,000
	Classes    int           // of CoOp and TPT, up to 1,000; 0 means 1,000 on a GPU and 100 elsewhere
	Steps      int           // of TaskRes; 300 epochs are 18,600
	Budget     time.Duration // for each figure
	Note       func(string)  // told what is being measured; may be nil
}

// Figure is one measurement.
type Figure struct {
	What           string  `json:"what"`
	Model          string  `json:"model,omitempty"`
	Batch          int     `json:"batch,omitempty"`
	Rate           float64 `json:"rate"`                      // in Unit, the more the better
	Unit           string  `json:"unit"`                      // "images/s" and the like
	Seconds        float64 `json:"seconds"`                   // of one run: a batch, a step, a training
	GFLOPS         float64 `json:"gflop_s,omitempty"`         // reached
	Share          float64 `json:"share,omitempty"`           // of the measured peak
	GBS            float64 `json:"gb_s,omitempty"`            // moved at least, see traffic
	BandwidthShare float64 `json:"bandwidth_share,omitempty"` // of the measured bandwidth
	Runs           int     `json:"runs"`
	Spread         float64 `json:"spread"` // slowest over fastest group of runs
}

// Run is everything measured in one precision.
type Run struct {
	Engine     string  `json:"engine"`
	Precision  string  `json:"precision"`
	PeakGFLOPS float64 `json:"peak_gflop_s,omitempty"`
	// Kernel is what multiplies on a processor, and its own peak.
	Kernel       *engine.Kernel `json:"kernel,omitempty"`
	BandwidthGBS float64        `json:"bandwidth_gb_s,omitempty"`
	Figures      []Figure       `json:"figures"`
	// FastPath says whether the GPU computed as it is meant to.
	FastPath *engine.FastPath `json:"fast_path,omitempty"`
}

// Result is everything measured on one machine.
type Result struct {
	Version string      `json:"version"`          // of the program
	Go      string      `json:"go"`               // of the compiler, with system and processor
	Card    *engine.GPU `json:"card,omitempty"`   // the GPU, if one computed
	Driver  string      `json:"driver,omitempty"` // release of NVIDIA's driver, where the system tells
	Runs    []Run       `json:"runs"`
}

// Measure measures.
func Measure(ctx context.Context, o Options) (Result, error) {
	r := Result{Version: Version(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if len(o.Precisions) == 0 {
		o.Precisions = []string{o.Device.Precision}
	}
	if len(o.Parts) == 0 {
		o.Parts = Parts
	}
	for _, o.Device.Precision = range o.Precisions { // a wrong name shows before the models are made
		d, err := device.Open(o.Device)
		if err != nil {
			return r, err
		}
		d.Close()
	}
	models, err := openModels(o.Models, o.KeepModels)
	if err != nil {
		return r, err
	}
	defer closeAll(models)
	for _, o.Device.Precision = range o.Precisions {
		if err := o.precision(ctx, models, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// precision measures everything in the precision that o.Device names.
func (o Options) precision(ctx context.Context, models []*weights.Checkpoint, r *Result) error {
	d, err := device.Open(o.Device)
	if err != nil {
		return err
	}
	defer d.Close()
	e := device.Engine(d)
	m := &meter{Options: o, ctx: ctx, device: d, e: e, run: Run{Engine: d.Name(), Precision: d.Precision()}}
	m.activation, m.weight = 4, 4
	if strings.HasSuffix(m.run.Precision, "16") {
		m.weight = 2
	}
	if n, ok := e.(engine.MixedPrecision); ok && n.StoresFloat16() {
		m.activation = 2
	}
	if gpu, ok := e.(engine.OnGPU); ok {
		card, err := gpu.GPU()
		if err != nil {
			return err
		}
		r.Card, r.Driver = &card, device.NVIDIARelease()
	}
	if m.Classes == 0 {
		m.Classes = 100
		if r.Card != nil {
			m.Classes = 1000
		}
	}
	if err := m.measureAll(models); err != nil {
		return err
	}
	if i, ok := e.(engine.Inspected); ok {
		f := i.FastPath()
		m.run.FastPath = &f
		for _, s := range f.Slow() {
			o.Note(m.run.Precision + ": " + s)
		}
	}
	r.Runs = append(r.Runs, m.run)
	return nil
}

func (m *meter) measureAll(models []*weights.Checkpoint) error {
	if slices.Contains(m.Parts, Peaks) {
		m.Note(m.run.Precision + ": peak of matrix products, bandwidth of memory")
		if err := m.peaks(); err != nil {
			return err
		}
		if on, ok := m.e.(engine.OnProcessor); ok {
			k := on.Kernel()
			m.run.Kernel = &k
		}
	}
	for i, name := range m.Models {
		for _, part := range []struct {
			name string
			do   func(string, *weights.Checkpoint) error
		}{{Images, m.images}, {Prompts, m.prompts}, {CoOp, m.coOp}, {TPT, m.tpt}} {
			if !slices.Contains(m.Parts, part.name) {
				continue
			}
			if err := part.do(name, models[i]); err != nil {
				return fmt.Errorf("%s, %s: %w", name, part.name, err)
			}
		}
	}
	if slices.Contains(m.Parts, TaskRes) && m.Steps > 0 {
		return m.taskRes()
	}
	return nil
}

// Version is the program's: that of its module, or the revision it was built of.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, changed := info.Main.Version, ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && (version == "" || version == "(devel)"):
			version = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true" && !strings.Contains(version, "dirty"):
			changed = ", changed"
		}
	}
	return version + changed
}
