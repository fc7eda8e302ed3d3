package text

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/texttower"
	"clipcalib/internal/tower"
	"clipcalib/weights"
)

// Device is a processor or GPU, opened once by clipcalib.OpenDevice and shared
// by all that computes on it; see clipcalib.Device for its methods.
type Device = device.Device

// Options say where and how an Encoder computes. The zero value is the
// processor, all its cores, in float32.
type Options struct {
	Device *Device // nil opens the processor for this encoder alone
	// Nodes is the number of trie nodes computed at a time, which bounds memory;
	// 0 means 8192. Where a GPU's memory does not suffice it becomes smaller.
	Nodes int
}

// defaultNodes takes 1,000 class prompts in one piece and some 200 MB.
const defaultNodes = 8192

// Encoder is the text tower of a CLIP model, ready to run. It is safe for
// concurrent use: calls take turns on the device, a piece of a trie at a time.
type Encoder struct {
	config    weights.Config
	tokenizer *Tokenizer
	device    *device.Device
	ownDevice bool

	// What the device's holder alone uses.
	weights  *tower.Weights // nil when closed
	programs *tower.Cache[[2]int, *program]

	nodes atomic.Int64
}

func init() {
	tower.Show(func(e *Encoder) *tower.Weights { return e.weights })
	tower.Copy(func(e *Encoder, d *Device, w *tower.Weights) *Encoder {
		out := &Encoder{config: e.config, tokenizer: e.tokenizer, device: d, weights: w, programs: newPrograms()}
		out.nodes.Store(e.nodes.Load())
		return out
	})
}

// program encodes tries of one size.
type program struct {
	*graph.Program
	g        *graph.Graph
	in       texttower.Inputs
	features *graph.Node
}

func (p *program) Close() {
	p.Program.Close()
	p.g.Close()
}

// NewEncoder loads the text tower of a checkpoint. The checkpoint may be
// closed afterwards; the encoder must be, too, in its time, and before the
// device.
func NewEncoder(c *weights.Checkpoint, o Options) (*Encoder, error) {
	if o.Nodes < 0 {
		return nil, fmt.Errorf("%d trie nodes at a time: use 1 or more", o.Nodes)
	}
	if err := c.Config.CheckTexts(); err != nil {
		return nil, fmt.Errorf("load text tower: %w", err)
	}
	dev, opened, err := device.OrOpen(o.Device)
	if err != nil {
		return nil, err
	}
	e := &Encoder{config: c.Config, tokenizer: NewTokenizer(), device: dev, ownDevice: opened, programs: newPrograms()}
	e.nodes.Store(int64(cmp.Or(o.Nodes, defaultNodes)))
	if err := e.load(c); err != nil {
		if opened {
			dev.Close()
		}
		return nil, fmt.Errorf("load text tower: %w", err)
	}
	return e, nil
}

func newPrograms() *tower.Cache[[2]int, *program] { return tower.NewCache[[2]int, *program](4) }

// load puts the parameters on the device.
func (e *Encoder) load(c *weights.Checkpoint) error {
	var params []weights.Parameter
	for _, p := range c.Config.Parameters() {
		if !strings.HasPrefix(p.Name, "visual.") && p.Name != "logit_scale" {
			params = append(params, p)
		}
	}
	return device.Do(context.Background(), e.device, func(eng engine.Engine) (err error) {
		e.weights, err = tower.Load(eng, c.View(), params)
		return err
	})
}

// Device is what the encoder computes on.
func (e *Encoder) Device() *Device { return e.device }

// Config is the model's configuration.
func (e *Encoder) Config() weights.Config { return e.config }

// Dim is the length of a feature.
func (e *Encoder) Dim() int { return e.config.EmbedDim }

// Encode returns the feature of each text, of length Dim and not normalised,
// in the order of the texts. A prefix that texts share is computed once. Text
// of more tokens than the tower takes is an error. When ctx ends, Encode stops
// and returns its error: at once while it waits for the device, else behind the
// operation that runs.
func (e *Encoder) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	if err := e.config.Text.CheckWords(); err != nil {
		return nil, err
	}
	prompts := make([][]int32, len(texts))
	for i, s := range texts {
		tokens, err := e.tokenizer.Tokens(s)
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", i, err)
		}
		prompts[i] = tokens
	}
	return e.EncodeTokens(ctx, prompts)
}

func (e *Encoder) fits(prompt []int32) error {
	c := e.config.Text
	if len(prompt) > c.Context {
		return fmt.Errorf("%d tokens, more than the %d that the text tower takes", len(prompt), c.Context)
	}
	for i, t := range prompt {
		if int(t) >= c.Vocab {
			return fmt.Errorf("token %d is %d, beyond the text tower's vocabulary of %d", i, t, c.Vocab)
		}
	}
	return nil
}

func (e *Encoder) compile(nodes, prompts int) (*program, error) {
	g := graph.New(device.Engine(e.device))
	p := &program{g: g, in: texttower.NewInputs(g, nodes, prompts)}
	p.features = texttower.Tower(g, e.weights.Bind(g), e.config, p.in, nil, false)
	var err error
	if p.Program, err = g.Compile(p.features); err != nil {
		g.Close()
		return nil, err
	}
	return p, nil
}

// Close waits for the piece that runs and gives back the encoder's memory.
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
