package prompt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"clipcalib/adapt"
	"clipcalib/text"
)

// Learner is learned prompts for a set of classes, on a model. It is used by
// one goroutine at a time, as its model is.
type Learner struct {
	Method     Method
	Remedy     adapt.Remedy
	LogitScale float64
	Losses     []float64 // mean training loss of every epoch

	classes []string
	model   *Model
	params  []param
	trie    *text.Trie
	protos  adapt.Matrix // zero-shot text features of the classes; empty until needed
	frozen  adapt.Matrix // text features under the learned vectors, for Frozen
}

func (t *training) learner(losses []float64) *Learner {
	return &Learner{Method: t.method, Remedy: t.remedy, LogitScale: t.options.LogitScale, Losses: losses,
		classes: slices.Clone(t.data.Classes), model: t.model, params: t.params, trie: t.trie, protos: t.protos}
}

// Classes returns the names of the classes.
func (l *Learner) Classes() []string { return slices.Clone(l.classes) }

// Nodes returns the number of trie nodes that the prompts of all classes come
// to, and the tokens they have when each is counted by itself, unpadded.
func (l *Learner) Nodes() (nodes, tokens int) { return l.trie.Len(), l.trie.NumTokens() }

// Parameters returns the learned tensors by their names in the PyTorch
// releases, such as "prompt_learner.ctx". They are the learner's own.
func (l *Learner) Parameters() map[string][]float32 {
	out := map[string][]float32{}
	for _, p := range l.params {
		out[p.name] = p.data
	}
	return out
}

// WithClasses returns the learner for other classes: the learned vectors are
// put before their names. The zero-shot text features [K, D] of the classes may
// be empty, and are then computed of "a photo of a {}.". Class-specific vectors
// cannot be moved.
func (l *Learner) WithClasses(classes []string, zeroShot adapt.Matrix) (*Learner, error) {
	if l.Method.contexts().perClass && !slices.Equal(classes, l.classes) {
		return nil, errors.New("other classes: the learned vectors are class-specific and fit the classes they were " +
			"trained for only")
	}
	if len(classes) == 0 {
		return nil, errors.New("other classes: none given")
	}
	out := *l
	out.frozen = adapt.Matrix{}
	out.classes = slices.Clone(classes)
	out.protos = zeroShot
	var err error
	if out.trie, err = newTrie(l.model, l.Method, classes, l.contexts()); err != nil {
		return nil, fmt.Errorf("other classes: %w", err)
	}
	if zeroShot.Data != nil {
		_, err = prototypes(context.Background(), l.model, classes, zeroShot)
	}
	return &out, err
}

// Frozen returns the learner for use alone: the text features are computed now,
// but where they differ from image to image, and later changes of the
// parameters do not reach it. It is safe for concurrent use.
func (l *Learner) Frozen(ctx context.Context) (*Learner, error) {
	out := *l
	if _, err := out.zeroShotPrototypes(ctx); err != nil {
		return nil, err
	}
	if _, ok := l.Method.(conditional); ok {
		return &out, nil
	}
	var err error
	if out.frozen, err = l.tunedText(ctx); err != nil {
		return nil, fmt.Errorf("text features of %s: %w", l.Method.Name(), err)
	}
	return &out, nil
}

// contexts is the number of context vectors, that of the parameter itself.
func (l *Learner) contexts() int {
	shape := l.params[0].shape
	return shape[len(shape)-2]
}

// zeroShotPrototypes returns the zero-shot text features of the classes.
func (l *Learner) zeroShotPrototypes(ctx context.Context) (adapt.Matrix, error) {
	if l.protos.Data == nil {
		p, err := prototypes(ctx, l.model, l.classes, adapt.Matrix{}, "")
		if err != nil {
			return p, fmt.Errorf("zero-shot text features: %w", err)
		}
		l.protos = p
	}
	return l.protos, nil
}
