package text

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
)

// Options say where and how an Encoder computes. The zero value is the
// processor, all its cores, in float32.
type Options struct {
	Device    string // "cpu" (also "") or "cuda"
	Threads   int    // cores to use; 0 means all
	Precision string // "fp32" (also "") or "bf16", the form products are multiplied in
	Nodes     int    // trie nodes computed at a time, which bounds memory; 0 means 8192; fewer where a GPU's memory does not suffice
}

// defaultNodes takes 1,000 class prompts in one piece and some 200 MB.
const defaultNodes = 8192

// Encoder is the text tower of a CLIP model, ready to run. It is safe for
// concurrent use, one call at a time being served.
type Encoder struct {
	config    weights.Config
	tokenizer *Tokenizer
	eng       engine.Engine
	ownsEng   bool
	weights   *tower.Weights
	nodes     int

	mu       sync.Mutex
	programs *tower.Cache[[2]int, *program]
}

// program encodes tries of one size.
type program struct {
	*graph.Program
	g        *graph.Graph
	in       Inputs
	features *graph.Node
}

func (p *program) Close() {
	p.Program.Close()
	p.g.Close()
}

// NewEncoder loads the text tower of a checkpoint. The checkpoint may be
// closed afterwards; the encoder must be, too, in its time.
func NewEncoder(c *weights.Checkpoint, o Options) (*Encoder, error) {
	eng, err := device.Open(device.Options{Device: o.Device, Threads: o.Threads, Precision: o.Precision})
	if err != nil {
		return nil, err
	}
	e, err := NewEncoderOn(eng, c, o.Nodes)
	if err != nil {
		eng.Close()
		return nil, err
	}
	e.ownsEng = true
	return e, nil
}

// NewEncoderOn is NewEncoder on an engine that is open already, and stays so.
// What else runs on that engine must not run at the same time.
func NewEncoderOn(eng engine.Engine, c *weights.Checkpoint, nodes int) (*Encoder, error) {
	if nodes == 0 {
		nodes = defaultNodes
	}
	if nodes < 0 {
		return nil, fmt.Errorf("%d trie nodes at a time: use 1 or more", nodes)
	}
	var params []weights.Parameter
	for _, p := range c.Config.Parameters() {
		if !strings.HasPrefix(p.Name, "visual.") && p.Name != "logit_scale" {
			params = append(params, p)
		}
	}
	w, err := tower.Load(eng, c.View(), params)
	if err != nil {
		return nil, fmt.Errorf("load text tower: %w", err)
	}
	return &Encoder{config: c.Config, tokenizer: NewTokenizer(), eng: eng, weights: w, nodes: nodes,
		programs: tower.NewCache[[2]int, *program](4)}, nil
}

// Config is the model's configuration.
func (e *Encoder) Config() weights.Config { return e.config }

// Dim is the length of a feature.
func (e *Encoder) Dim() int { return e.config.EmbedDim }

// Encode returns the feature of each text, of length Dim and not normalised,
// in the order of the texts. A prefix that texts share is computed once. Text
// of more tokens than the tower takes is an error. When ctx ends, Encode stops
// and returns its error.
func (e *Encoder) Encode(ctx context.Context, texts []string) ([][]float32, error) {
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
	g := graph.New(e.eng)
	p := &program{g: g, in: NewInputs(g, nodes, prompts)}
	p.features = Tower(g, e.weights.Bind(g), e.config, p.in, nil, false)
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
