package weights

import (
	"fmt"
	"math"
	"strings"
)

// Options settle what a checkpoint does not show. The zero value leaves it to
// what the file, or a configuration file beside it, says.
type Options struct {
	Activation  Activation  // overrides the activation found
	VisionHeads int         // overrides the number of heads of the image tower
	TextHeads   int         // overrides the number of heads of the text tower
	Preprocess  *Preprocess // overrides the preprocessing found

	// Prefix chooses one of several models in a file: what stands before its
	// names, such as "ema.".
	Prefix string
	// NoConfig leaves the configuration files beside the weights unread.
	NoConfig bool
}

// Checkpoint is a CLIP model in a file: its configuration, and its parameters
// under OpenAI's names whatever names the file uses.
type Checkpoint struct {
	Config  Config
	Layout  Layout
	Ignored []string // tensors in the file that are no parameters of CLIP
	Unused  []string // fields of the configuration beside it that have no effect on features
	// Prefix tells the model from the others in its file: what stands before its
	// names, where it was asked for and decides.
	Prefix string

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
	if len(f.suspects) > 0 && opts.Prefix == "" {
		return nil, fmt.Errorf("%s: %w", f.name, severalModels(f.suspects))
	}
	n, err := canonicalise(f, opts.Prefix)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	c := &Checkpoint{Layout: n.layout, Ignored: n.ignored, file: f,
		view: View{params: n.params, foreign: n.foreign, others: n.ignored, where: f.name}}
	if err := c.inferShapes(n); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if n.strange != nil {
		return nil, fmt.Errorf("%s: %w", f.name, n.strange)
	}
	if err := c.settle(n, opts); err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	if opts.Prefix != "" {
		if alone, err := findModel(f, ""); len(f.suspects) > 0 || err != nil || alone.prefix != n.prefix {
			c.Prefix = n.prefix
		}
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
func (c *Checkpoint) inferShapes(n *named) error {
	if n.images {
		if err := c.inferVision(); err != nil {
			return err
		}
	}
	if n.texts {
		if err := c.inferText(); err != nil {
			return err
		}
	}
	cfg := &c.Config
	cfg.Vision.LayerScale, cfg.Text.LayerScale = n.scaled[0], n.scaled[1]
	return nil
}

func (c *Checkpoint) inferVision() error {
	if c.hasResNet() && !c.view.Has("visual.proj") {
		return c.inferResNet()
	}
	v := &c.Config.Vision
	conv, err := c.dims("visual.conv1.weight", -1, 3, -1, -1)
	if err != nil {
		return err
	}
	if conv[2] != conv[3] || conv[2] == 0 || conv[0] == 0 {
		return fmt.Errorf("%s: visual.conv1.weight has shape %s, want square patches", c.file.name, shapeString(conv))
	}
	v.Width, v.Patch = conv[0], conv[2]
	pos, err := c.dims("visual.positional_embedding", -1, -1)
	if err != nil {
		return err
	}
	grid := int(math.Sqrt(float64(max(pos[0]-1, 0))) + 0.5)
	if grid*grid != pos[0]-1 || grid == 0 {
		return fmt.Errorf("%s: visual.positional_embedding has shape %s, want one row more than a square number",
			c.file.name, shapeString(pos))
	}
	v.ImageSize = grid * v.Patch
	v.NoPreNorm = !c.view.Has("visual.ln_pre.weight") && !c.view.Has("visual.ln_pre.bias")
	proj, err := c.dims("visual.proj", -1, -1)
	if err != nil {
		return fmt.Errorf("%w: without it the features are outside the space shared with texts", err)
	}
	c.Config.EmbedDim = proj[1]
	v.Layers, v.MLP, err = c.blocks("visual.transformer")
	return err
}

func (c *Checkpoint) inferText() error {
	t := &c.Config.Text
	token, err := c.dims("token_embedding.weight", -1, -1)
	if err != nil {
		return err
	}
	context, err := c.dims("positional_embedding", -1, -1)
	if err != nil {
		return err
	}
	t.Vocab, t.Width, t.Context = token[0], token[1], context[0]
	if t.Vocab == 0 || t.Width == 0 || t.Context == 0 {
		return fmt.Errorf("%s: token_embedding.weight %s and positional_embedding %s hold nothing",
			c.file.name, shapeString(token), shapeString(context))
	}
	proj, err := c.dims("text_projection", -1, -1)
	if err != nil {
		return fmt.Errorf("%w: without it the features are outside the space shared with images", err)
	}
	if !c.Config.HasImages() {
		c.Config.EmbedDim = proj[1]
	}
	t.Layers, t.MLP, err = c.blocks("transformer")
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

// validate checks every parameter the configuration implies and reads the
// logit scale.
func (c *Checkpoint) validate() error {
	known := map[string]bool{}
	for _, p := range c.Config.Parameters() {
		known[p.Name] = true
		if p.Name == "logit_scale" {
			continue // stored as [] or [1]
		}
		if err := c.view.Check(p.Name, p.Shape...); err != nil {
			return fmt.Errorf("%w (%s)", err, c.basis(p.Name))
		}
	}
	for _, name := range c.view.Names() {
		if !known[name] && strings.HasPrefix(name, "visual.") {
			return fmt.Errorf("%s: %s is not a parameter of an image tower that is %s: the model has another architecture",
				c.file.name, c.view.title(name), c.Config.Vision.kind())
		}
	}
	if !c.Config.HasImages() || !c.Config.HasTexts() {
		return nil // one half alone makes no logits
	}
	shape, ok := c.view.Shape("logit_scale")
	if !ok || len(shape) > 1 || len(shape) == 1 && shape[0] != 1 {
		return c.view.Check("logit_scale")
	}
	scale, err := c.view.Get("logit_scale", shape...)
	if err != nil {
		return err
	}
	c.Config.LogitScale = scale[0]
	if s := c.Config.Scale(); math.IsNaN(s) || s > math.MaxFloat32 {
		return fmt.Errorf("%s: logit_scale is %v, and its exponential %v, want a finite factor on cosines",
			c.file.name, scale[0], s)
	}
	return nil
}

// basis says which tensors the wanted shape was taken from.
func (c *Checkpoint) basis(name string) string {
	from := []string{"token_embedding.weight", "visual.proj"}
	if !c.Config.HasImages() {
		from[1] = "text_projection"
	}
	if !isTextName(name) {
		from = []string{"visual.conv1.weight", "visual.positional_embedding"}
		if c.Config.Vision.ResNet() {
			from = []string{"visual.conv3.weight", resNetPositions}
		}
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
