package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/docfile"
	"clipcalib/weights"
)

// ImportOptions is a checkpoint of another implementation to make a run of.
type ImportOptions struct {
	Checkpoint string       // such as Dassl's model.pth.tar-50
	Remedy     adapt.Remedy // where the checkpoint names none; nil means none
	Classes    []Class      // in the order of the target's labels; the checkpoint has no names
	Inputs     Inputs       // the model's
	Out        string

	// Model is needed by learned prompts, and says the logit scale of an adapter;
	// without it that is of OpenAI's models.
	Model *prompt.Model

	// Of an adapter: its method, nil where the file says it, and the text
	// prototypes of the classes.
	Method     adapt.Method
	Prototypes adapt.Matrix

	Log func(line string) // unless nil, told what the user should know
}

// FamilyOf tells whether a checkpoint holds an adapter or learned prompts, and
// the kind of a foreign adapter.
func FamilyOf(path string) (string, adapt.ForeignKind, error) {
	f, err := weights.Open(path)
	if err != nil {
		return "", adapt.ForeignKind{}, err
	}
	defer f.Close()
	if adapt.IsSaved(f) {
		return "", adapt.ForeignKind{}, fmt.Errorf("%s is the adapter of a run: name the run's folder", path)
	}
	if !f.IsAdapter() {
		return FamilyPrompts, adapt.ForeignKind{}, nil
	}
	kind, err := adapt.InspectForeign(path)
	return FamilyAdapters, kind, err
}

// Import makes a run of a checkpoint that was trained elsewhere, so that it is
// evaluated and reported as any other. A folder that holds another run is an
// error.
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
	family, _, err := FamilyOf(o.Checkpoint)
	if err != nil {
		return err
	}
	if o.Inputs.InitSHA256, err = fileSHA256(o.Checkpoint); err != nil {
		return err
	}
	var t training
	if family == FamilyAdapters {
		t, err = o.adapter()
	} else {
		t, err = o.prompts()
	}
	if err != nil {
		return err
	}
	t.recipe.Choices = append([]string{"learned elsewhere: " + filepath.Base(o.Checkpoint)}, t.recipe.Choices...)
	t.recipe.Inputs = o.Inputs
	t.model.setInputs(o.Inputs)
	if o.Model != nil {
		t.recipe.Engine = o.Model.Device.Name()
		t.model.SetConfig(o.Model.Config)
	}
	t.model.Width = t.recipe.Width
	t.classes = o.Classes
	_, err = t.keep(context.Background(), o.Out, nil)
	return err
}

func (o ImportOptions) prompts() (t training, err error) {
	if o.Model == nil {
		return t, errors.New("learned prompts need the model, not features alone: use --weights and --data")
	}
	l, err := prompt.Load(o.Checkpoint, o.Model, prompt.LoadOptions{Classes: names(o.Classes), Remedy: o.Remedy})
	if err != nil {
		return t, err
	}
	t.recipe = Recipe{
		Family: FamilyPrompts, Method: l.Method.Name(), MethodSettings: docfile.Settings(l.Method),
		Remedy:         l.Remedy.Name(),
		RemedySettings: docfile.Settings(l.Remedy), Compat: string(adapt.Textbook), LogitScale: l.LogitScale,
		Classes: len(l.Classes()), Width: o.Model.Config.EmbedDim,
		Choices: append(l.Method.Choices(), l.Remedy.Choices()...),
	}
	t.model = NewModel(FamilyPrompts, l.Method, l.Remedy, adapt.Textbook, l.LogitScale)
	t.train = func(context.Context, string) (outcome, error) { return outcome{save: l.Save}, nil }
	return t, nil
}

func (o *ImportOptions) adapter() (t training, err error) {
	foreign := adapt.Foreign{Method: o.Method, Remedy: o.Remedy, LogitScale: adapt.DefaultLogitScale,
		Prototypes: o.Prototypes, Classes: names(o.Classes)}
	if o.Model != nil {
		foreign.LogitScale = o.Model.Config.Scale()
	}
	a, notes, err := adapt.LoadForeign(o.Checkpoint, foreign)
	if err != nil {
		return t, err
	}
	if o.Log != nil {
		for _, n := range notes {
			o.Log(n)
		}
	}
	if path, err := adapt.ValuesBeside(o.Checkpoint); err == nil {
		if sum, err := fileSHA256(path); err == nil { // the labels of the keys are a file of their own
			o.Inputs.InitSHA256 += " " + sum
		}
	}
	t.recipe = Recipe{
		Family: FamilyAdapters, Method: a.Method.Name(), MethodSettings: docfile.Settings(a.Method),
		Remedy:         a.Remedy.Name(),
		RemedySettings: docfile.Settings(a.Remedy), Compat: string(a.Compat), LogitScale: a.LogitScale,
		Classes: a.Classes(), Width: a.Width(), Choices: append(a.Method.Choices(), a.Remedy.Choices()...),
	}
	t.model = NewModel(FamilyAdapters, a.Method, a.Remedy, a.Compat, a.LogitScale)
	t.train = func(context.Context, string) (outcome, error) { return outcome{save: a.Save}, nil }
	return t, nil
}

func names(classes []Class) []string {
	var out []string
	for _, c := range classes {
		out = append(out, c.Name)
	}
	return out
}
