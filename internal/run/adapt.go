package run

import (
	"cmp"
	"context"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/weights"
)

// AdaptOptions is one training of an adapter to run and where to keep it.
type AdaptOptions struct {
	Method adapt.Method
	Remedy adapt.Remedy // nil means none
	Train  adapt.Options

	// Features names the feature files; or Data holds what they would.
	Features []string
	Data     *adapt.Data
	Inputs   Inputs          // where Data came from
	Classes  []Class         // names and prompts, where they are known
	Config   *weights.Config // of the checkpoint, where it is known

	// Init, unless empty, is a file of initial values of the trained
	// parameters: under the names an adapter's file has them (residual,
	// classifier, w1, w2, cache_keys), or a checkpoint that
	// [adapt.ForeignInit] reads.
	Init string

	Out string // folder of the run

	// Twin, unless empty, is the folder of a run that may have trained the same
	// under another remedy. Where it has, and what the remedies do in training is
	// the same, its parameters are taken in place of training again: the files are
	// the same.
	Twin string

	// Log, unless nil, gets a line for every choice made.
	Log func(line string)
}

// Class is a class's name and the prompts its prototype was made of.
type Class struct {
	Name    string   `json:"name"`
	Folder  string   `json:"folder,omitempty"` // or id; with the name, the class's key
	Prompts []string `json:"prompts,omitempty"`
}

// Adapt trains an adapter and writes a run. It reports whether it trained: a
// finished run of the same recipe is left as it is, an unfinished one is
// continued, and a folder with another recipe is an error.
func Adapt(ctx context.Context, o AdaptOptions) (trained bool, err error) {
	t, err := o.training()
	if err == nil {
		trained, err = t.keep(ctx, o.Out, o.Log)
	}
	if err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	return trained, nil
}

// training prepares a training from the options, whose defaults it fills in.
func (o *AdaptOptions) training() (training, error) {
	var t training
	if o.Remedy == nil {
		o.Remedy = adapt.None{}
	}
	var err error
	if o.Train, err = o.Train.Resolved(); err != nil {
		return t, err
	}
	o.Train = adapt.OptionsOf(o.Method, o.Train)
	data, err := o.data()
	if err != nil {
		return t, err
	}
	// Feature files do not say it.
	o.Train.LogitScale = cmp.Or(o.Train.LogitScale, data.LogitScale, adapt.DefaultLogitScale)
	if o.Init != "" {
		o.Inputs.Reading.Init = o.Init
		if o.Train.Init, o.Inputs.InitSHA256, err = readInit(o.Init, o.Method, data); err != nil {
			return t, err
		}
	}
	o.Inputs.setOrder(o.Train.Order)
	t.classes, t.twin = o.Classes, o.Twin
	t.reload = func(path string) (outcome, error) {
		a, err := adapt.Load(path)
		if err != nil {
			return outcome{}, err
		}
		a.Remedy, a.Device = o.Remedy, o.Train.Device
		return adapterOutcome(a, data), nil
	}
	t.rate = func(epoch int) float64 { return o.Train.Schedule.Rate(o.Train.LR, epoch, o.Train.Epochs) }
	t.train = func(ctx context.Context, checkpoint string) (outcome, error) {
		o.Train.Checkpoint = checkpoint
		a, err := adapt.Train(ctx, o.Method, o.Remedy, data, o.Train)
		if a == nil {
			return outcome{}, inFiles(o.Features, err)
		}
		return adapterOutcome(a, data), err
	}
	t.model = NewModel(FamilyAdapters, o.Method, o.Remedy, o.Train.Compat, o.Train.LogitScale)
	t.model.setInputs(o.Inputs)
	t.model.Width = data.Prototypes.Cols
	if o.Config != nil {
		t.model.SetConfig(*o.Config)
	}
	t.recipe, err = newRecipe(o.Method, o.Remedy, o.Train, data, o.Inputs)
	return t, err
}

func adapterOutcome(a *adapt.Adapter, d adapt.Data) outcome {
	return outcome{save: a.Save, losses: a.Losses,
		drift: func(ctx context.Context) (*Drift, error) { return adapterDrift(ctx, a, d) }}
}

// data returns the training set, read from the feature files unless given.
func (o *AdaptOptions) data() (adapt.Data, error) {
	return o.Inputs.data(o.Data, o.Features, tensorFeatures, tensorLabels, tensorPrototypes)
}

// data returns what is given, or what the feature files hold, of which the named
// tensors must be there; and notes where that is from.
func (in *Inputs) data(given *adapt.Data, files []string, must ...string) (adapt.Data, error) {
	if given != nil {
		*in = in.withHash(*given)
		return *given, nil
	}
	f, err := ReadFeatures(files...)
	if err != nil {
		return adapt.Data{}, err
	}
	in.Features, in.FeaturesSHA256 = files, f.SHA256
	return f.Data, inFiles(files, missing(f.Data, must...))
}

// ReadTraining reads feature files to train several adapters on.
func ReadTraining(files ...string) (Features, error) {
	f, err := ReadFeatures(files...)
	if err != nil {
		return f, err
	}
	return f, inFiles(files, missing(f.Data, tensorFeatures, tensorLabels, tensorPrototypes))
}

// missing names the first of the tensors that d lacks.
func missing(d adapt.Data, names ...string) error {
	absent := map[string]bool{
		tensorFeatures:   d.Features.Rows == 0,
		tensorLabels:     len(d.Labels) == 0,
		tensorPrototypes: d.Prototypes.Rows == 0,
	}
	for _, n := range names {
		if absent[n] {
			return fmt.Errorf("the feature files hold no %s (want features [N, D], labels [N] and text_features [K, D])", n)
		}
	}
	return nil
}
