package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/docfile"
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
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", c.target.Classes))
	t.ClassNamesSHA256 = hex.EncodeToString(sum[:])
	return len(c.target.Classes)
}

func (c promptsOn) logits(ctx context.Context, features adapt.Matrix) (adapted, zeroShot adapt.Matrix, err error) {
	in := prompt.Input{Features: features, Images: features.Rows}
	if c.target.Images != nil && prompt.NeedsImages(c.learner.Method) {
		read, stop := c.target.Images(ctx)
		defer stop()
		in.Image = read
	}
	p, err := c.learner.Predict(ctx, in)
	return p.Logits, p.ZeroShot, err
}

// ImportOptions is a checkpoint of learned prompts to make a run of.
type ImportOptions struct {
	Checkpoint string // such as Dassl's model.pth.tar-50
	Model      *prompt.Model
	Remedy     adapt.Remedy // where the checkpoint names none; nil means none
	Classes    []string     // where the checkpoint names none
	Inputs     Inputs       // the model's
	Out        string
}

// Import makes a run of a checkpoint of prompts that were learned elsewhere, so
// that it is evaluated and reported as any other. A folder that holds another
// run is an error.
func Import(o ImportOptions) error {
	if err := o.run(); err != nil {
		return fmt.Errorf("checkpoint %s: %w", o.Checkpoint, err)
	}
	return nil
}

func (o ImportOptions) run() error {
	if o.Out == "" {
		return errors.New("no folder given for its run (--out)")
	}
	info, err := os.Stat(o.Checkpoint)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a file")
	}
	l, err := prompt.Load(o.Checkpoint, o.Model, prompt.LoadOptions{Classes: o.Classes, Remedy: o.Remedy})
	if err != nil {
		return err
	}
	if o.Inputs.InitSHA256, err = fileSHA256(o.Checkpoint); err != nil {
		return err
	}
	t := training{recipe: Recipe{
		Family: FamilyPrompts, Method: l.Method.Name(), MethodSettings: docfile.Settings(l.Method), Remedy: l.Remedy.Name(),
		RemedySettings: docfile.Settings(l.Remedy), Compat: string(adapt.Textbook), LogitScale: l.LogitScale,
		Inputs:  o.Inputs,
		Classes: len(l.Classes()), Width: o.Model.Config.EmbedDim, Engine: o.Model.Device.Name(),
		Choices: append(append([]string{"learned elsewhere: " + filepath.Base(o.Checkpoint)}, l.Method.Choices()...),
			l.Remedy.Choices()...),
	}}
	t.model = NewModel(FamilyPrompts, l.Method, l.Remedy, adapt.Textbook, l.LogitScale)
	t.model.setInputs(o.Inputs)
	t.model.SetConfig(o.Model.Config)
	for _, name := range l.Classes() {
		t.classes = append(t.classes, Class{Name: name})
	}
	t.train = func(context.Context, string) (outcome, error) { return outcome{save: l.Save}, nil }
	_, err = t.keep(context.Background(), o.Out, nil)
	return err
}
