package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/text"
)

// PromptTarget is what learned prompts need of a target besides its features.
type PromptTarget struct {
	Model *prompt.Model
	// Classes are the names, in the order of the labels; nil means the run's.
	// The zero-shot reference of other classes is of "a photo of a {}.", unless
	// the target's data has prototypes.
	Classes []string
	// Images opens the images for methods that prompt the image tower too: read
	// writes the preprocessed pixels of the image that feature row i is of, and
	// is asked in order, until stop.
	Images func(ctx context.Context) (read func(i int, dst []float32) error, stop func())
}

// promptsOn are learned prompts on a target.
type promptsOn struct {
	learner *prompt.Learner // for the target's classes
	trained *prompt.Learner // for the run's
	target  PromptTarget
	own     bool // the target has zero-shot prototypes of its own
	same    bool // the target's classes are the run's
}

// openPrompts puts the learned vectors before the target's class names.
func (o EvalOptions) openPrompts(path string, data adapt.Data) (classifier, error) {
	if o.Prompts == nil || o.Prompts.Model == nil {
		return nil, errors.New("learned prompts need the model, not features alone: use --weights and --data")
	}
	l, err := prompt.Load(path, o.Prompts.Model, prompt.LoadOptions{})
	if err != nil {
		return nil, err
	}
	c := promptsOn{learner: l, trained: l, target: *o.Prompts, own: data.Prototypes.Rows > 0}
	if c.target.Classes == nil {
		c.target.Classes = l.Classes()
	}
	c.same = slices.Equal(c.target.Classes, l.Classes())
	if c.own || !c.same {
		if c.learner, err = l.WithClasses(c.target.Classes, data.Prototypes); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c promptsOn) describe(t *Target) int {
	t.Method, t.Remedy = c.learner.Method.Name(), c.learner.Remedy.Name()
	t.Prototypes, t.ZeroShot = fromPrompts, text.TemplateDefault
	switch {
	case c.own:
		t.ZeroShot = fromTarget
	case c.same:
		t.ZeroShot = fromRun
	}
	t.ClassNamesSHA256 = hashNames(c.target.Classes)
	return len(c.target.Classes)
}

func hashNames(classes []string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", classes))
	return hex.EncodeToString(sum[:])
}

func (c promptsOn) logits(ctx context.Context, features adapt.Matrix) (classified, error) {
	in := prompt.Input{Features: features, Images: features.Rows}
	if c.target.Images != nil && prompt.NeedsImages(c.learner.Method) {
		read, stop := c.target.Images(ctx)
		defer stop()
		in.Image = read
	}
	p, err := c.learner.Predict(ctx, in)
	return classified{p.Raw, p.Logits, p.ZeroShot}, err
}
