package vit

import (
	"context"
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
	Batch     int    // images encoded at a time; 0 means 32
}

// defaultBatch keeps memory well under a gigabyte for ViT-B/16.
const defaultBatch = 32

// Encoder is the image tower of a CLIP model, ready to run. It is safe for
// concurrent use, one call at a time being served.
type Encoder struct {
	config  weights.Config
	eng     engine.Engine
	ownsEng bool
	weights *tower.Weights
	batch   int

	mu       sync.Mutex
	programs *tower.Cache[int, *program]
}

// program encodes batches of one size.
type program struct {
	*graph.Program
	g                *graph.Graph
	images, features *graph.Node
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
	if batch == 0 {
		batch = defaultBatch
	}
	if batch < 0 {
		return nil, fmt.Errorf("a batch of %d images: use 1 or more", batch)
	}
	var params []weights.Parameter
	for _, p := range c.Config.Parameters() {
		if strings.HasPrefix(p.Name, "visual.") {
			params = append(params, p)
		}
	}
	w, err := tower.Load(eng, c.View(), params)
	if err != nil {
		return nil, fmt.Errorf("load image tower: %w", err)
	}
	return &Encoder{config: c.Config, eng: eng, weights: w, batch: batch,
		programs: tower.NewCache[int, *program](2)}, nil // the full batch, and the last of a list
}

// Config is the model's configuration.
func (e *Encoder) Config() weights.Config { return e.config }

// Dim is the length of a feature.
func (e *Encoder) Dim() int { return e.config.EmbedDim }

// Batch is the number of images encoded at a time.
func (e *Encoder) Batch() int { return e.batch }

// Preprocessor returns CLIP's preprocessing for this tower's input size.
func (e *Encoder) Preprocessor() Preprocessor { return NewPreprocessor(e.config.Vision.ImageSize) }

// Encode returns the feature of each image, of length Dim and not normalised,
// in the order of the images. An image is what Preprocessor makes: 3 x S x S
// values. When ctx ends, Encode stops and returns its error.
func (e *Encoder) Encode(ctx context.Context, images [][]float32) ([][]float32, error) {
	s := e.config.Vision.ImageSize
	size := 3 * s * s
	for i, img := range images {
		if len(img) != size {
			return nil, fmt.Errorf("image %d has %d values, the image tower takes 3 x %d x %d = %d", i, len(img), s, s, size)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([][]float32, 0, len(images))
	flat := make([]float32, min(e.batch, len(images))*size)
	for len(images) > 0 {
		n := min(e.batch, len(images))
		for i, img := range images[:n] {
			copy(flat[i*size:], img)
		}
		features, err := e.run(ctx, flat[:n*size], n)
		if err != nil {
			return nil, fmt.Errorf("encode images: %w", err)
		}
		for i := range n {
			out = append(out, features[i*e.Dim():(i+1)*e.Dim():(i+1)*e.Dim()])
		}
		images = images[n:]
	}
	return out, nil
}

func (e *Encoder) run(ctx context.Context, flat []float32, n int) ([]float32, error) {
	if e.weights == nil {
		return nil, fmt.Errorf("the encoder is closed")
	}
	p, err := e.programs.Get(n, func() (*program, error) { return e.compile(n) })
	if err != nil {
		return nil, err
	}
	if err := p.g.Set(p.images, flat); err != nil {
		return nil, err
	}
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	return p.Float32(p.features)
}

func (e *Encoder) compile(n int) (*program, error) {
	g := graph.New(e.eng)
	s := e.config.Vision.ImageSize
	p := &program{g: g, images: g.Input("images", tensor.Float32, n, 3, s, s)}
	p.features = Tower(g, e.weights.Bind(g), e.config, p.images, false)
	var err error
	if p.Program, err = g.Compile(p.features); err != nil {
		g.Close()
		return nil, engine.NameBatch(err, n)
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
