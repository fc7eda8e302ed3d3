package weights

import (
	"fmt"
	"math"
)

// Options settle what a checkpoint does not show. The zero value leaves it to
// what the file, or a configuration file beside it, says.
type Options struct {
	Activation  Activation // overrides the activation found
	VisionHeads int        // overrides the number of heads of the image tower
	TextHeads   int        // overrides the number of heads of the text tower
}

// Checkpoint is a CLIP model in a file: its configuration, and its parameters
// under OpenAI's names whatever names the file uses.
type Checkpoint struct {
	Config  Config
	Layout  Layout
	Ignored []string // tensors in the file that are no parameters of CLIP

	file *File
	view View
}

// OpenCLIP opens a CLIP checkpoint, infers its architecture from the shapes of
// its tensors and checks that all parameters are there and fit each other.
func OpenCLIP(path string, opts Options) (*Checkpoint, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	c, err := f.CLIP(opts)
	if err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

// CLIP is OpenCLIP for a file that is already open. Closing the checkpoint
// closes the file.
func (f *File) CLIP(opts Options) (*Checkpoint, error) {
	n, err := canonicalise(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	c := &Checkpoint{Layout: n.layout, Ignored: n.ignored, file: f,
		view: View{params: n.params, foreign: n.foreign, others: n.ignored, where: f.name}}
	if err := c.inferShapes(); err != nil {
		return nil, err
	}
	if err := c.settle(n, opts); err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if n.strange != nil {
		return nil, fmt.Errorf("%s: %w", f.name, n.strange)
	}
	return c, nil
}

// View shows the parameters under OpenAI's names.
func (c *Checkpoint) View() View { return c.view }

// File is the file the model lies in.
func (c *Checkpoint) File() *File { return c.file }

// Close releases the file.
func (c *Checkpoint) Close() error { return c.file.Close() }

// dims returns the shape of a parameter that must have the given form.
func (c *Checkpoint) dims(name string, form ...int) ([]int, error) {
	p, err := c.view.find(name, form)
	if err != nil {
		return nil, err
	}
	return p.shape, nil
}

// inferShapes reads the sizes off the tensors that show them.
func (c *Checkpoint) inferShapes() error {
	cfg := &c.Config
	conv, err := c.dims("visual.conv1.weight", -1, 3, -1, -1)
	if err != nil {
		return err
	}
	if conv[2] != conv[3] || conv[2] == 0 || conv[0] == 0 {
		return fmt.Errorf("%s: visual.conv1.weight has shape %s, want square patches", c.file.name, shapeString(conv))
	}
	cfg.Vision.Width, cfg.Vision.Patch = conv[0], conv[2]

	pos, err := c.dims("visual.positional_embedding", -1, -1)
	if err != nil {
		return err
	}
	grid := int(math.Sqrt(float64(max(pos[0]-1, 0))) + 0.5)
	if grid*grid != pos[0]-1 || grid == 0 {
		return fmt.Errorf("%s: visual.positional_embedding has shape %s, want one row more than a square number", c.file.name, shapeString(pos))
	}
	cfg.Vision.ImageSize = grid * cfg.Vision.Patch

	proj, err := c.dims("visual.proj", -1, -1)
	if err != nil {
		return err
	}
	token, err := c.dims("token_embedding.weight", -1, -1)
	if err != nil {
		return err
	}
	context, err := c.dims("positional_embedding", -1, -1)
	if err != nil {
		return err
	}
	cfg.EmbedDim = proj[1]
	cfg.Text.Vocab, cfg.Text.Width = token[0], token[1]
	cfg.Text.Context = context[0]

	if cfg.Vision.Layers, cfg.Vision.MLP, err = c.blocks("visual.transformer"); err != nil {
		return err
	}
	cfg.Text.Layers, cfg.Text.MLP, err = c.blocks("transformer")
	return err
}

// blocks counts a tower's blocks and reads the size of their hidden layer.
func (c *Checkpoint) blocks(tower string) (layers, mlp int, err error) {
	fc, err := c.dims(tower+".resblocks.0.mlp.c_fc.weight", -1, -1)
	if err != nil {
		return 0, 0, err
	}
	for name := range c.view.params {
		var i int
		if n, _ := fmt.Sscanf(name, tower+".resblocks.%d.", &i); n == 1 {
			layers = max(layers, i+1)
		}
	}
	return layers, fc[0], nil
}

// settle decides what shapes do not show: the activation and the heads.
func (c *Checkpoint) settle(n *named, opts Options) error {
	cfg := &c.Config
	meta, err := statedByMetadata(c.file.metadata)
	if err != nil {
		return err
	}
	beside := statedBeside(c.file.path, *cfg)
	switch {
	case opts.Activation != 0:
		cfg.Activation, cfg.ActivationReason = opts.Activation, "asked for"
	case meta.activation != 0:
		cfg.Activation, cfg.ActivationReason = meta.activation, meta.reason
	case beside.activation != 0:
		cfg.Activation, cfg.ActivationReason = beside.activation, beside.reason
	default:
		cfg.Activation, cfg.ActivationReason = activationByWeights(c.file, n)
	}
	cfg.Vision.Heads = firstPositive(opts.VisionHeads, meta.visionHeads, beside.visionHeads, visionHeads(cfg.Vision.Width, cfg.Vision.Layers))
	cfg.Text.Heads = firstPositive(opts.TextHeads, meta.textHeads, beside.textHeads, defaultHeads(cfg.Text.Width))
	if cfg.Vision.Width%cfg.Vision.Heads != 0 {
		return fmt.Errorf("image tower of width %d cannot have %d heads", cfg.Vision.Width, cfg.Vision.Heads)
	}
	if cfg.Text.Width%cfg.Text.Heads != 0 {
		return fmt.Errorf("text tower of width %d cannot have %d heads", cfg.Text.Width, cfg.Text.Heads)
	}
	return nil
}

func firstPositive(ns ...int) int {
	for _, n := range ns {
		if n > 0 {
			return n
		}
	}
	return 1
}

// validate checks every parameter the configuration implies and reads the
// logit scale.
func (c *Checkpoint) validate() error {
	for _, p := range c.Config.Parameters() {
		if p.Name == "logit_scale" {
			continue // stored as [] or [1]
		}
		if err := c.view.Check(p.Name, p.Shape...); err != nil {
			return fmt.Errorf("%w (%s)", err, c.basis(p.Name))
		}
	}
	shape, ok := c.view.Shape("logit_scale")
	if !ok || len(shape) > 1 || len(shape) == 1 && shape[0] != 1 {
		return c.view.Check("logit_scale")
	}
	scale, err := c.view.Get("logit_scale", shape...)
	if err != nil {
		return err
	}
	if s := float64(scale[0]); math.IsNaN(s) || math.IsInf(s, 0) {
		return fmt.Errorf("%s: logit_scale is %v, want a finite number", c.file.name, s)
	}
	c.Config.LogitScale = scale[0]
	return nil
}

// basis says which tensors the wanted shape was taken from.
func (c *Checkpoint) basis(name string) string {
	from := []string{"token_embedding.weight", "visual.proj"}
	if !isTextName(name) {
		from = []string{"visual.conv1.weight", "visual.positional_embedding"}
	}
	text := "as implied by"
	for i, f := range from {
		shape, _ := c.view.Shape(f)
		if i > 0 {
			text += " and"
		}
		text += " " + f + " " + shapeString(shape)
	}
	return text
}
