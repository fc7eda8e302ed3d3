package vit

import (
	"fmt"
	"strings"
	"sync"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/tower"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Options say where and how an Encoder computes. The zero value is the
// processor, all its cores, in float32, 32 images at a time.
type Options struct {
	Device    string // "cpu" (also "") or "cuda"
	Threads   int    // cores to use; 0 means all
	Precision string // "fp32" (also "") or "bf16", the form products are multiplied in
	Batch     int    // images encoded at a time; 0 means 32 on the processor and AutoBatch on a GPU
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
// concurrent use, one call at a time being served.
type Encoder struct {
	config  weights.Config
	eng     engine.Engine
	ownsEng bool
	weights *tower.Weights
	pre     Preprocessor

	mu       sync.Mutex
	batch    int
	auto     bool // batch gives way where memory does not suffice
	programs *tower.Cache[shape, *program]
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
// closed afterwards; the encoder must be, too, in its time.
func NewEncoder(c *weights.Checkpoint, o Options) (*Encoder, error) {
	eng, err := device.Open(device.Options{Device: o.Device, Threads: o.Threads, Precision: o.Precision})
	if err != nil {
		return nil, err
	}
	e, err := NewEncoderOn(eng, c, o.Batch)
	if err != nil {
		eng.Close()
		return nil, err
	}
	e.ownsEng = true
	return e, nil
}

// NewEncoderOn is NewEncoder on an engine that is open already, and stays so.
// What else runs on that engine must not run at the same time.
func NewEncoderOn(eng engine.Engine, c *weights.Checkpoint, batch int) (*Encoder, error) {
	if batch < AutoBatch {
		return nil, fmt.Errorf("a batch of %d images: use 1 or more", batch)
	}
	_, device := eng.(engine.Bounded)
	auto := device && batch <= 0
	switch {
	case auto:
		batch = deviceBatch
	case batch <= 0:
		batch = defaultBatch
	}
	var params []weights.Parameter
	for _, p := range c.Config.Parameters() {
		if strings.HasPrefix(p.Name, "visual.") {
			params = append(params, p)
		}
	}
	w, err := tower.Load(eng, c.View(), params)
	if err == nil {
		if err = w.Pad("visual.conv1.weight"); err != nil {
			w.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load image tower: %w", err)
	}
	return &Encoder{config: c.Config, eng: eng, weights: w, batch: batch, auto: auto, pre: NewPreprocessor(c.Config.Vision.ImageSize),
		programs: tower.NewCache[shape, *program](2)}, nil // the full batch, and the last of a list
}

// Config is the model's configuration.
func (e *Encoder) Config() weights.Config { return e.config }

// Dim is the length of a feature.
func (e *Encoder) Dim() int { return e.config.EmbedDim }

// Batch is the number of images encoded at a time. An [AutoBatch] may become
// smaller with time.
func (e *Encoder) Batch() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.batch
}

// Preprocessor returns CLIP's preprocessing for this tower's input size.
func (e *Encoder) Preprocessor() Preprocessor { return e.pre }

func (e *Encoder) compile(s shape) (*program, error) {
	g := graph.New(e.eng)
	p, side := &program{g: g}, e.config.Vision.ImageSize
	if s.bytes {
		p.images = g.Input("pixels", tensor.Int32, s.n, engine.PixelWords(side))
		p.table = g.Input("values of bytes", tensor.Float32, 3, 256)
		p.features = PixelTower(g, e.weights.Bind(g), e.config, p.images, p.table, false)
	} else {
		p.images = g.Input("images", tensor.Float32, s.n, 3, side, side)
		p.features = Tower(g, e.weights.Bind(g), e.config, p.images, false)
	}
	var err error
	if p.Program, err = g.Compile(p.features); err != nil {
		g.Close()
		return nil, err
	}
	return p, nil
}

// Close gives back the encoder's memory.
func (e *Encoder) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.weights == nil {
		return nil
	}
	e.programs.Close()
	e.weights.Close()
	e.weights = nil
	if e.ownsEng {
		return e.eng.Close()
	}
	return nil
}
