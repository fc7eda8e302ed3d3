package pretrain

import (
	"context"
	"strings"

	"clipcalib/internal/clip"
	"clipcalib/internal/graph"
	"clipcalib/internal/tower"

	"gorgonia.org/tensor"
)

// accumulation takes batches in parts without giving up the contrast over the
// whole batch: all parts are encoded, the loss is differentiated by the features,
// and each part is then encoded again and differentiated from there ("Scaling Deep
// Contrastive Learning Batch Size under Memory Limited Setup", Gao et al. 2021).
// Memory holds the activations of one part.
type accumulation struct {
	contrast *contrast
	parts    *tower.Cache[int, *part]
	sums     *tower.Weights // of the parts' gradients
}

func (a *accumulation) close() {
	if a != nil {
		a.contrast.Close()
		a.parts.Close()
		a.sums.Close()
	}
}

// contrast is the loss of a batch's features and its gradients.
type contrast struct {
	*graph.Program
	g                                     *graph.Graph
	image, captions                       *graph.Node // leaves [B, D]
	loss, ofImage, ofCaptions, ofLogScale *graph.Node
}

func (c *contrast) Close() {
	c.Program.Close()
	c.g.Close()
}

// part encodes a part of a batch, and differentiates it.
type part struct {
	forward, backward   *graph.Program
	g                   *graph.Graph
	net                 clip.Pairs
	ofImage, ofCaptions *graph.Node // leaves: the gradients of the features
	grads               map[string]*graph.Node
}

func (p *part) Close() {
	for _, program := range []*graph.Program{p.backward, p.forward} {
		if program != nil {
			program.Close()
		}
	}
	p.g.Close()
}

const logitScale = "logit_scale"

func (t *Trainer) newAccumulation() (*accumulation, error) {
	g := graph.New(t.eng)
	c := &contrast{g: g}
	rows, width := t.Recipe.Batch, t.Recipe.EmbedDim
	c.image, c.captions = g.Input("image features", tensor.Float32, rows, width), g.Input("caption features",
		tensor.Float32, rows, width)
	scale := t.weights.Bind(g).Get(logitScale)
	c.loss = clip.Contrast(g, c.image, c.captions, scale)
	grads := g.Gradients(c.loss, c.image, c.captions, scale)
	c.ofImage, c.ofCaptions, c.ofLogScale = grads[0], grads[1], grads[2]
	var err error
	if c.Program, err = g.Compile(append(grads, c.loss)...); err != nil {
		g.Close()
		return nil, err
	}
	a := &accumulation{contrast: c, parts: tower.NewCache[int, *part](2), sums: tower.NewWeights(t.eng)}
	for _, p := range t.parameters() {
		if err := a.sums.Add(p, make([]float32, p.Len())); err != nil {
			a.close()
			return nil, err
		}
	}
	return a, nil
}

// compilePart builds the towers for a part whose trie has at most nodes nodes. The
// images' tower has the parameters under "visual", the captions' all others but
// the scale.
func (t *Trainer) compilePart(nodes int) (*part, error) {
	g := graph.New(t.eng)
	scope := t.weights.Bind(g)
	r := t.Recipe
	p := &part{g: g, net: clip.NewPairs(g, scope, r.Config(), r.part(), nodes), grads: map[string]*graph.Node{}}
	p.ofImage = g.Input("gradient of image features", tensor.Float32, r.part(), r.EmbedDim)
	p.ofCaptions = g.Input("gradient of caption features", tensor.Float32, r.part(), r.EmbedDim)
	var visual, textual []string
	for _, name := range t.weights.Names() {
		switch {
		case strings.HasPrefix(name, "visual."):
			visual = append(visual, name)
		case name != logitScale:
			textual = append(textual, name)
		}
	}
	grads := g.GradientsFrom(p.net.Image, p.ofImage, leaves(scope, visual)...)
	grads = append(grads, g.GradientsFrom(p.net.Captions, p.ofCaptions, leaves(scope, textual)...)...)
	p.grads = byName(append(visual, textual...), grads)
	var err error
	if p.forward, err = g.Compile(p.net.Image, p.net.Captions); err == nil {
		p.backward, err = g.Compile(grads...)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// part returns the programs of part i of a batch with its inputs set.
func (t *Trainer) part(b *batch, i int) (*part, error) {
	nodes := roundUp(b.tries[i].Len(), 512)
	p, err := t.parts.parts.Get(nodes, func() (*part, error) { return t.compilePart(nodes) })
	if err != nil {
		return nil, err
	}
	n := len(b.images) / len(b.tries)
	if err := p.g.Set(p.net.Images, b.images[i*n:(i+1)*n]); err != nil {
		return nil, err
	}
	return p, p.net.Texts.Set(p.g, clip.Nodes(b.tries[i]), t.corpus.row)
}

// accumulate is differentiate for batches of several parts.
func (t *Trainer) accumulate(ctx context.Context, b *batch) (loss float32, of gradients, err error) {
	if t.parts == nil {
		if t.parts, err = t.newAccumulation(); err != nil {
			return 0, nil, err
		}
	}
	var image, captions []float32
	for i := range b.tries {
		p, err := t.part(b, i)
		if err != nil {
			return 0, nil, err
		}
		rows, err := values(ctx, p.forward, p.net.Image, p.net.Captions)
		if err != nil {
			return 0, nil, err
		}
		image, captions = append(image, rows[0]...), append(captions, rows[1]...)
	}
	c := t.parts.contrast
	if err := c.g.Set(c.image, image); err != nil {
		return 0, nil, err
	}
	if err := c.g.Set(c.captions, captions); err != nil {
		return 0, nil, err
	}
	rows, err := values(ctx, c.Program, c.loss, c.ofImage, c.ofCaptions)
	if err != nil {
		return 0, nil, err
	}
	for i := range b.tries {
		if err := t.addPart(ctx, b, i, rows[1], rows[2]); err != nil {
			return 0, nil, err
		}
	}
	return rows[0][0], func(name string) (*tensor.Dense, error) {
		if name == logitScale {
			return c.Value(c.ofLogScale)
		}
		return t.parts.sums.Tensor(name), nil
	}, nil
}

// addPart adds the gradients of part i, given those of all features, to the sums,
// which the first part begins.
func (t *Trainer) addPart(ctx context.Context, b *batch, i int, ofImage, ofCaptions []float32) error {
	p, err := t.part(b, i)
	if err != nil {
		return err
	}
	n := len(ofImage) / len(b.tries)
	if err := p.g.Set(p.ofImage, ofImage[i*n:(i+1)*n]); err != nil {
		return err
	}
	if err := p.g.Set(p.ofCaptions, ofCaptions[i*n:(i+1)*n]); err != nil {
		return err
	}
	if err := p.backward.Run(ctx); err != nil {
		return err
	}
	for _, name := range t.weights.Names() {
		if name == logitScale {
			continue
		}
		grad, err := p.backward.Value(p.grads[name])
		if err != nil {
			return err
		}
		sum := t.parts.sums.Tensor(name)
		if i == 0 {
			err = t.eng.Axpby(sum, 1, grad, 0, nil)
		} else {
			err = t.eng.Sum(sum, sum, grad)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// values runs a program and reads outputs of it.
func values(ctx context.Context, p *graph.Program, nodes ...*graph.Node) (out [][]float32, err error) {
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		v, err := p.Float32(n)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
