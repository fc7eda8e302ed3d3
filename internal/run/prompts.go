package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/docfile"
)

// PromptOptions is one training of prompts to run and where to keep it.
type PromptOptions struct {
	Model  *prompt.Model
	Method prompt.Method
	Remedy adapt.Remedy // nil means none
	Train  prompt.Options

	// Data has its prototypes given; they are the zero-shot reference.
	Data    prompt.Data
	Inputs  Inputs  // where Data came from
	Classes []Class // names and the prompts of the zero-shot reference

	// Init, unless empty, is a file of initial values of the learned vectors
	// that [prompt.InitialValues] reads.
	Init string

	Out string // folder of the run
	// Twin is that of [AdaptOptions].
	Twin string

	// Log, unless nil, gets a line for every choice made.
	Log func(line string)
}

// LearnPrompts is [Adapt] for learned prompts.
func LearnPrompts(ctx context.Context, o PromptOptions) (trained bool, err error) {
	t, err := o.training()
	if err == nil {
		trained, err = t.keep(ctx, o.Out, o.Log)
	}
	if err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	return trained, nil
}

func (o *PromptOptions) training() (training, error) {
	var t training
	if o.Model == nil || o.Method == nil {
		return t, errors.New("no model or no method given")
	}
	if o.Remedy == nil {
		o.Remedy = adapt.None{}
	}
	scale := o.Model.Config.Scale()
	resolved, err := CheckPromptOptions(o.Method, o.Train, scale)
	if err != nil {
		return t, err
	}
	if err := prompt.Check(o.Model, o.Method, o.Data.Classes); err != nil {
		return t, err
	}
	if o.Init != "" {
		o.Inputs.Reading.Init = o.Init
		if o.Train.Init, o.Inputs.InitSHA256, err = o.readVectors(); err != nil {
			return t, err
		}
	}
	if len(o.Inputs.FeaturesSHA256) == 0 {
		o.Inputs.FeaturesSHA256 = []string{hashPromptData(o.Data)}
	}
	o.Inputs.setOrder(o.Train.Order)
	t.classes, t.twin = o.Classes, o.Twin
	t.reload = func(path string) (outcome, error) {
		l, err := prompt.Load(path, o.Model, prompt.LoadOptions{})
		if err != nil {
			return outcome{}, err
		}
		l.Remedy = o.Remedy
		return promptOutcome(l, o.Data), nil
	}
	t.rate = func(epoch int) float64 { return resolved.Schedule.Rate(resolved.LR, epoch, resolved.Epochs) }
	t.train = func(ctx context.Context, checkpoint string) (outcome, error) {
		o.Train.Checkpoint = checkpoint
		l, err := prompt.Train(ctx, o.Model, o.Method, o.Remedy, o.Data, o.Train)
		if l == nil {
			return outcome{}, err
		}
		return promptOutcome(l, o.Data), err
	}
	t.model = NewModel(FamilyPrompts, o.Method, o.Remedy, adapt.Textbook, resolved.LogitScale)
	t.model.setInputs(o.Inputs)
	t.model.SetConfig(o.Model.Config)
	t.recipe = Recipe{
		Family: FamilyPrompts, Method: o.Method.Name(), MethodSettings: docfile.Settings(o.Method),
		Remedy: o.Remedy.Name(), RemedySettings: docfile.Settings(o.Remedy), Compat: string(adapt.Textbook),
		Loss: resolved.Loss.String(), Epochs: resolved.Epochs, LearningRate: resolved.LR, Batch: resolved.Batch,
		WeightDecay: resolved.WeightDecay, Optimizer: string(adapt.SGD), Schedule: string(resolved.Schedule),
		LogitScale: resolved.LogitScale, Seed: resolved.Seed, Inputs: o.Inputs, Samples: len(o.Data.Labels),
		Views: max(o.Data.Views, 1), Classes: len(o.Data.Classes), Width: o.Model.Config.EmbedDim,
		Choices: append(prompt.Choices(o.Method, o.Remedy, o.Train, scale), o.viewChoice()),
		Engine:  o.Model.Device.Name(),
	}
	return t, nil
}

func promptOutcome(l *prompt.Learner, d prompt.Data) outcome {
	return outcome{save: l.Save, losses: l.Losses,
		drift: func(ctx context.Context) (*Drift, error) { return promptDrift(ctx, l, d) }}
}

// promptDrift is the drift of learned prompts' training set, of the first view
// of every sample.
func promptDrift(ctx context.Context, l *prompt.Learner, d prompt.Data) (*Drift, error) {
	n := len(d.Labels)
	if d.Features.Rows > 0 {
		n = d.Features.Rows / max(d.Views, 1)
	}
	in := prompt.Input{Images: min(n, maxPromptDriftRows)}
	if d.Features.Rows > 0 {
		in.Features = adapt.Matrix{Rows: in.Images, Cols: d.Features.Cols,
			Data: d.Features.Data[:in.Images*d.Features.Cols]}
	}
	if d.Image != nil {
		in.Image = func(i int, dst []float32) error { return d.Image(i, 0, dst) }
	}
	p, err := l.Predict(ctx, in)
	if err != nil {
		return nil, err
	}
	return driftOf(p.Raw, p.ZeroShot, in.Images)
}

// viewChoice says which views training sees.
func (o PromptOptions) viewChoice() string {
	switch v := max(o.Data.Views, 1); {
	case v == 1 && o.Inputs.AugmentedViews == 0:
		return "views of a sample: 1, the plain picture"
	case v == 1:
		return "views of a sample: 1, an augmented one, the same in every epoch"
	case prompt.NeedsImages(o.Method):
		return fmt.Sprintf("views of a sample: %d, one drawn for every epoch and made when it is wanted", v)
	default:
		return fmt.Sprintf("views of a sample: %d, encoded once; every epoch draws one of them, in place of a fresh view", v)
	}
}

// CheckPromptOptions returns the options with the defaults for a method and a
// model's logit scale, or an error that names the option that makes no sense.
func CheckPromptOptions(m prompt.Method, o prompt.Options, scale float64) (prompt.Options, error) {
	o = o.Resolved(m, scale)
	_, err := adapt.Options{
		Loss: o.Loss, Epochs: o.Epochs, LR: o.LR, Batch: o.Batch, WeightDecay: o.WeightDecay,
		Schedule: o.Schedule, LogitScale: o.LogitScale, CheckpointEvery: o.CheckpointEvery,
	}.Resolved()
	return o, err
}

// hashPromptData hashes everything of a training set but pictures, which
// Inputs.DataSHA256 stands for.
func hashPromptData(d prompt.Data) string {
	features := hashData(adapt.Data{Features: d.Features, Prototypes: d.Prototypes, Labels: d.Labels, Views: d.Views})
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", features, d.Template, d.Classes))
	return hex.EncodeToString(sum[:])
}

// readVectors reads learned vectors of a file as initial values.
func (o PromptOptions) readVectors() (map[string][]float32, string, error) {
	init, err := prompt.InitialValues(o.Init, o.Model, o.Method, o.Data.Classes)
	if err != nil {
		return nil, "", err
	}
	sum, err := fileSHA256(o.Init)
	return init, sum, err
}
