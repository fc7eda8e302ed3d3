package pretrain

import (
	"context"
	"fmt"
	"math"

	"clipcalib/internal/clip"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/pairs"
	"clipcalib/internal/tower"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// maxLogitScale is ln 100, where CLIP clips its learned scale.
var maxLogitScale = float32(math.Log(100))

// Trainer trains one model.
type Trainer struct {
	Recipe Recipe

	// Strict ends a run at the first picture that cannot be read. Otherwise
	// another takes its place, and Skip, unless nil, is told once of each.
	Strict bool
	Skip   func(err error)

	eng      engine.Engine
	corpus   *corpus
	weights  *tower.Weights
	moments  [2]*tower.Weights // AdamW's running means
	programs *tower.Cache[int, *program]
	parts    *accumulation // nil where a batch is one part
	makers   int           // of batches, at once
	step     int           // steps done
}

// program is one step's forward and backward pass for tries of one size.
type program struct {
	*graph.Program
	g     *graph.Graph
	net   clip.Contrastive
	grads map[string]*graph.Node
}

func (p *program) Close() {
	p.Program.Close()
	p.g.Close()
}

// New starts a run at step 0.
func New(e engine.Engine, p pairs.Pairs, r Recipe) (*Trainer, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	c, err := newCorpus(p, r)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Recipe: r, eng: e, makers: makersFor(e), corpus: c, programs: tower.NewCache[int, *program](2)}
	if t.weights, err = initialise(e, r, len(c.vocab)); err != nil {
		return nil, err
	}
	if m, ok := e.(engine.MixedTraining); ok {
		for _, name := range t.weights.Names() {
			m.Narrow(t.weights.Tensor(name)) // embeddings, which are no factors, take no notice
		}
	}
	for i := range t.moments {
		t.moments[i] = tower.NewWeights(e)
		for _, p := range t.parameters() {
			if err := t.moments[i].Add(p, make([]float32, p.Len())); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// Step is the number of steps done.
func (t *Trainer) Step() int { return t.step }

// Vocabulary is the number of tokens that occur in the captions.
func (t *Trainer) Vocabulary() int { return len(t.corpus.vocab) }

// Parameters is the number of trained values.
func (t *Trainer) Parameters() int {
	n := 0
	for _, p := range t.parameters() {
		n += p.Len()
	}
	return n
}

func (t *Trainer) parameters() []weights.Parameter {
	return trained(t.Recipe.Config(), len(t.corpus.vocab))
}

// Point is what a step showed.
type Point struct {
	Step  int     `json:"step"`  // steps done with this one
	Loss  float32 `json:"loss"`  // of the step's batch, before its update
	LR    float32 `json:"lr"`    // the step's rate
	Scale float32 `json:"scale"` // factor on the cosines after it
	Nodes int     `json:"nodes"` // of the captions' trie
}

// Run takes the steps up to the last one, calling each after every step. It
// stops when ctx ends or each returns an error; the trainer is then as after
// the last whole step.
func (t *Trainer) Run(ctx context.Context, each func(Point) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for b := range t.prefetch(ctx) {
		point, err := t.update(ctx, b)
		if err == nil {
			err = each(point)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// update takes one step.
func (t *Trainer) update(ctx context.Context, b *batch) (Point, error) {
	for _, err := range b.skipped {
		if t.Skip != nil {
			t.Skip(err)
		}
	}
	if b.err != nil {
		return Point{}, fmt.Errorf("step %d: %w", b.step+1, b.err)
	}
	loss, gradient, err := t.differentiate(ctx, b)
	if err != nil {
		return Point{}, err
	}
	if l := float64(loss); math.IsNaN(l) || math.IsInf(l, 0) {
		return Point{}, fmt.Errorf("step %d: the loss is %v; a lower lr or a longer warmup helps", b.step+1, l)
	}
	if err := t.apply(gradient, b.step); err != nil {
		return Point{}, err
	}
	scale, err := t.clipScale()
	t.step = b.step + 1
	return Point{Step: t.step, Loss: loss, LR: t.Recipe.rate(b.step), Scale: scale, Nodes: b.nodes()}, err
}

// gradients gives the gradient of a parameter by name.
type gradients func(name string) (*tensor.Dense, error)

// differentiate returns the loss of a batch and its gradients, which hold until
// the next call.
func (t *Trainer) differentiate(ctx context.Context, b *batch) (float32, gradients, error) {
	if t.Recipe.Accumulate > 1 {
		return t.accumulate(ctx, b)
	}
	trie := b.tries[0]
	nodes := roundUp(trie.Len(), 512)
	p, err := t.programs.Get(nodes, func() (*program, error) { return t.compile(nodes) })
	if err != nil {
		return 0, nil, err
	}
	if err := p.g.Set(p.net.Images, b.images); err != nil {
		return 0, nil, err
	}
	if err := p.net.Texts.Set(p.g, clip.Nodes(trie), t.corpus.row); err != nil {
		return 0, nil, err
	}
	if err := p.Run(ctx); err != nil {
		return 0, nil, err
	}
	loss, err := p.Float32(p.net.Loss)
	if err != nil {
		return 0, nil, err
	}
	return loss[0], func(name string) (*tensor.Dense, error) { return p.Value(p.grads[name]) }, nil
}

// roundUp rounds n up to a multiple of step. The result depends on the batch
// alone, so that a resumed run pads as the first did.
func roundUp(n, step int) int { return (n + step - 1) / step * step }

func (t *Trainer) compile(nodes int) (*program, error) {
	g := graph.New(t.eng)
	scope := t.weights.Bind(g)
	p := &program{g: g, net: clip.NewContrastive(g, scope, t.Recipe.Config(), t.Recipe.Batch, nodes)}
	names := t.weights.Names()
	grads := g.Gradients(p.net.Loss, leaves(scope, names)...)
	p.grads = byName(names, grads)
	var err error
	if p.Program, err = g.Compile(append(grads, p.net.Loss)...); err != nil {
		g.Close()
		return nil, err
	}
	return p, nil
}

func leaves(s tower.Scope, names []string) []*graph.Node {
	out := make([]*graph.Node, len(names))
	for i, name := range names {
		out[i] = s.Get(name)
	}
	return out
}

func byName(names []string, nodes []*graph.Node) map[string]*graph.Node {
	out := map[string]*graph.Node{}
	for i, name := range names {
		out[name] = nodes[i]
	}
	return out
}

// apply updates every parameter by its gradient.
func (t *Trainer) apply(gradient gradients, step int) error {
	for _, name := range t.weights.Names() {
		grad, err := gradient(name)
		if err != nil {
			return err
		}
		w := t.weights.Tensor(name)
		h := t.Recipe.adamW(step, w.Shape())
		if err := t.eng.AdamW(w, t.moments[0].Tensor(name), t.moments[1].Tensor(name), grad, h, step+1); err != nil {
			return fmt.Errorf("update %s: %w", name, err)
		}
	}
	return nil
}

// clipScale keeps the factor on cosines at 100 or less and returns it.
func (t *Trainer) clipScale() (float32, error) {
	v, err := t.weights.Floats("logit_scale")
	if err != nil {
		return 0, err
	}
	if v[0] > maxLogitScale {
		v[0] = maxLogitScale
		err = t.eng.Upload(t.weights.Tensor("logit_scale"), v)
	}
	return float32(math.Exp(float64(v[0]))), err
}

// Close gives the trainer's memory back; engine and pairs stay open.
func (t *Trainer) Close() {
	t.programs.Close()
	t.parts.close()
	for _, w := range []*tower.Weights{t.weights, t.moments[0], t.moments[1]} {
		w.Close()
	}
}
