// Package bench measures what an engine reaches: its matrix-product peak and
// memory bandwidth, encoding of images and prompts, steps of adapters and of
// prompt learning, and test-time tuning, each with the work it needs and the
// share of the peaks it got. Weights and pictures are random: time does not
// depend on them.
package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/weights"
)

// What can be measured.
const (
	Peaks     = "peaks"    // of matrix products and memory, which shares are of
	Images    = "images"   // encoding of pictures
	Latencies = "latency"  // of single pictures
	Prompts   = "prompts"  // encoding of class prompts
	TaskRes   = "taskres"  // training of an adapter on features
	CoOp      = "coop"     // learning of a prompt
	MaPLe     = "maple"    // learning of prompts in both towers
	Pretrain  = "pretrain" // training of both towers
	Products  = "products" // every matrix product by itself
	TPT       = "tpt"      // test-time tuning of a prompt
)

// Parts lists them all.
var Parts = []string{Peaks, Images, Latencies, Prompts, TaskRes, CoOp, TPT, MaPLe, Pretrain, Products}

// Default lists what is measured where nothing is named: all but what trains the
// image tower, which takes a processor minutes.
var Default = slices.DeleteFunc(slices.Clone(Parts), func(p string) bool { return p == MaPLe || p == Pretrain })

// Options says what is measured and for how long.
type Options struct {
	Device     device.Options
	Precisions []string // measured one after the other; empty means Device.Precision
	Models     []string
	KeepModels string   // folder where random models are kept from run to run; empty: nowhere
	Parts      []string // of Parts; empty means Default
	Batches    []int
	Prompts    int           // class prompts encoded at once, up to 1,000
	Classes    int           // of CoOp and TPT, up to 1,000; 0 means 1,000 on a GPU and 100 elsewhere
	Steps      int           // of TaskRes; 300 epochs are 18,600
	Budget     time.Duration // the most for each figure
	RelStd     float64       // at which measuring a figure stops; 0 means DefaultRelStd
	Power      bool          // measures each figure long enough for its energy

	// Sensors opens what reads the device's hardware; nil means what there is.
	Sensors     func(*device.Device) (engine.Sensors, error)
	shortEnergy time.Duration // in place of EnergyWindow, for tests
	Note        func(string)  // told what is being measured; may be nil
}

// Measure measures.
func Measure(ctx context.Context, o Options) (Result, error) {
	r := newResult()
	r.At = time.Now().UTC().Format(time.RFC3339)
	o = o.withDefaults()
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
		if err := o.with(ctx, &r, func(m *meter) error { return m.measureAll(models) }); err != nil {
			return r, err
		}
	}
	return r, nil
}

// withDefaults fills in what is not said.
func (o Options) withDefaults() Options {
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if o.RelStd == 0 {
		o.RelStd = DefaultRelStd
	}
	if len(o.Precisions) == 0 {
		o.Precisions = []string{o.Device.Precision}
	}
	if len(o.Parts) == 0 {
		o.Parts = Default
	}
	return o
}

// with opens the device in the precision that o.Device names, has do measure
// there between two measurements of the peaks, and adds the run to r.
func (o Options) with(ctx context.Context, r *Result, do func(*meter) error) error {
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
	if engine.StoresFloat16(e) {
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
	defer m.jpegs.remove()
	m.openSensors()
	if m.sensors != nil {
		defer m.sensors.Close()
	}
	if slices.Contains(m.Parts, Peaks) {
		if err := m.peaks(); err != nil {
			return err
		}
		if on, ok := e.(engine.OnProcessor); ok {
			k := on.Kernel()
			m.run.Kernel = &k
		}
	}
	if err := do(m); err != nil {
		return err
	}
	if err := m.sharesOfPeaks(); err != nil {
		return err
	}
	r.Settings = &Settings{Time: o.Budget.Seconds(), Least: LeastTime.Seconds(), RelStd: o.RelStd, Window: Window,
		Statistic: "median", Prompts: o.Prompts, Classes: m.Classes, Steps: o.Steps, Power: o.Power,
		Threads: d.Threads(), JPEGs: m.jpegs.facts}
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

// sensorsOf opens a device's sensors.
func sensorsOf(d *device.Device) (engine.Sensors, error) { return device.Sensors(d) }

func (m *meter) measureAll(models []*weights.Checkpoint) error {
	for i, name := range m.Models {
		for _, part := range []struct {
			name string
			do   func(string, *weights.Checkpoint) error
		}{{Images, m.images}, {Latencies, m.latency}, {Prompts, m.prompts}, {CoOp, m.coOp}, {TPT, m.tpt},
			{MaPLe, m.maPLe}, {Pretrain, m.pretrain}} {
			if !slices.Contains(m.Parts, part.name) {
				continue
			}
			if err := part.do(name, models[i]); err != nil {
				return fmt.Errorf("%s, %s: %w", name, part.name, err)
			}
		}
	}
	if slices.Contains(m.Parts, TaskRes) && m.Steps > 0 {
		if err := m.taskRes(); err != nil {
			return err
		}
	}
	if slices.Contains(m.Parts, Products) {
		return m.timeProducts()
	}
	return nil
}
