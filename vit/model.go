package vit

import (
	"context"
	"fmt"
	"sync/atomic"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagetower"
	"clipcalib/internal/tower"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Device is a processor or GPU, opened once by clipcalib.OpenDevice and shared
// by all that computes on it; see clipcalib.Device for its methods.
type Device = device.Device

// Options say where and how an Encoder computes. The zero value is the
// processor, all its cores, in float32, 32 images at a time.
type Options struct {
	Device *Device // nil opens the processor for this encoder alone
	Batch  int     // images encoded at a time; 0 means 32 on the processor and AutoBatch on a GPU
}

// AutoBatch, as a batch, asks for the largest that fits the device's memory and
// is worth it: 32 on the processor, up to 256 on a GPU. Where less fits, also
// when memory runs out on the way, encoding goes on with less.
const AutoBatch = -1

// Batches that are worth it: 32 keeps memory well under a gigabyte for ViT-B/16
// on the processor; beyond 256 images the products of a GPU grow no faster.
const (
	defaultBatch = 32
	deviceBatch  = 256
)

// Encoder is the image tower of a CLIP model, ready to run. It is safe for
// concurrent use: calls take turns on the device, batch by batch.
type Encoder struct {
	config    weights.Config
	device    *device.Device
	ownDevice bool
	pre       Preprocessor

	// What the device's holder alone uses.
	weights  *tower.Weights // nil when closed
	programs *tower.Cache[shape, *program]

	batch atomic.Int64
	auto  bool // batch gives way where memory does not suffice
}

func init() {
	tower.Show(func(e *Encoder) *tower.Weights { return e.weights })
	tower.Copy(func(e *Encoder, d *Device, w *tower.Weights) *Encoder {
		out := &Encoder{config: e.config, device: d, pre: e.pre, weights: w, programs: newPrograms(), auto: e.auto}
		out.batch.Store(e.batch.Load())
		return out
	})
}

// shape is what a program is made for.
type shape struct {
	n     int  // images
	bytes bool // of bytes, in place of floats
}

// program encodes batches of one shape.
type program struct {
	*graph.Program
	g                       *graph.Graph
	images, table, features *graph.Node
	normalised              *[3][256]float32 // what table holds
}

func (p *program) Close() {
	p.Program.Close()
	p.g.Close()
}

// NewEncoder loads the image tower of a checkpoint. The checkpoint may be
// closed afterwards; the encoder must be, too, in its time, and before the
// device.
func NewEncoder(c *weights.Checkpoint, o Options) (*Encoder, error) {
	if o.Batch < AutoBatch {
		return nil, fmt.Errorf("a batch of %d images: use 1 or more", o.Batch)
	}
	if err := c.Config.CheckImages(); err != nil {
		return nil, fmt.Errorf("load image tower: %w", err)
	}
	pre, err := NewPreprocessorFor(c.Config.Vision.ImageSize, c.Config.Preprocess)
	if err != nil {
		return nil, err
	}
	dev, opened, err := device.OrOpen(o.Device)
	if err != nil {
		return nil, err
	}
	e := &Encoder{config: c.Config, device: dev, ownDevice: opened, pre: pre, programs: newPrograms()}
	e.setBatch(o.Batch)
	if err := e.load(c); err != nil {
		if opened {
			dev.Close()
		}
		return nil, fmt.Errorf("load image tower: %w", err)
	}
	return e, nil
}

// newPrograms keeps those of the full batch, and of the last of a list.
func newPrograms() *tower.Cache[shape, *program] { return tower.NewCache[shape, *program](2) }

// setBatch takes the batch of the options.
func (e *Encoder) setBatch(batch int) {
	_, own := device.Engine(e.device).(engine.Bounded)
	e.auto = own && batch <= 0
	switch {
	case e.auto:
		batch = deviceBatch
	case batch <= 0:
		batch = worthBatch(e.config.Vision)
	}
	e.batch.Store(int64(batch))
}

// resNetBytes bounds what a batch of a ResNet's pictures takes on the processor:
// those of the large ones are tens of megabytes each.
const resNetBytes = 512 << 20

// worthBatch is the default batch on the processor.
func worthBatch(v weights.VisionConfig) int {
	if !v.ResNet() {
		return defaultBatch
	}
	// The first stage's input, its output and what is between them are held at once.
	picture := 4 * (v.ImageSize / 4) * (v.ImageSize / 4) * 10 * v.Width
	return min(defaultBatch, max(1, resNetBytes/picture))
}

// load puts the parameters on the device.
func (e *Encoder) load(c *weights.Checkpoint) error {
	return device.Do(context.Background(), e.device, func(eng engine.Engine) (err error) {
		e.weights, err = imagetower.Load(eng, c.View(), c.Config)
		return err
	})
}

// Config is the model's configuration.
func (e *Encoder) Config() weights.Config { return e.config }

// Dim is the length of a feature.
func (e *Encoder) Dim() int { return e.config.EmbedDim }

// Device is what the encoder computes on.
func (e *Encoder) Device() *Device { return e.device }

// Batch is the number of images encoded at a time. An [AutoBatch] may become
// smaller with time.
func (e *Encoder) Batch() int { return int(e.batch.Load()) }

// Preprocessor returns the preprocessing that the checkpoint asks for.
func (e *Encoder) Preprocessor() Preprocessor { return e.pre }

func (e *Encoder) compile(s shape) (*program, error) {
	g := graph.New(device.Engine(e.device))
	p, side := &program{g: g}, e.config.Vision.ImageSize
	if s.bytes {
		p.images = g.Input("pixels", tensor.Int32, s.n, engine.PixelWords(side))
		p.table = g.Input("values of bytes", tensor.Float32, 3, 256)
		p.features = imagetower.OfPixels(g, e.weights.Bind(g), e.config, p.images, p.table, false)
	} else {
		p.images = g.Input("images", tensor.Float32, s.n, 3, side, side)
		p.features = imagetower.Tower(g, e.weights.Bind(g), e.config, p.images, false)
	}
	var err error
	if p.Program, err = g.Compile(p.features); err != nil {
		g.Close()
		return nil, err
	}
	return p, nil
}

// Close waits for the batch that runs and gives back the encoder's memory.
func (e *Encoder) Close() error {
	release, err := device.Hold(context.Background(), e.device)
	if err != nil {
		return nil // the device is closed: nothing is left
	}
	open := e.weights != nil
	if open {
		e.programs.Close()
		e.weights.Close()
		e.weights = nil
	}
	release()
	if open && e.ownDevice {
		return e.device.Close()
	}
	return nil
}
