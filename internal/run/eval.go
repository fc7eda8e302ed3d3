package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/device"
	"clipcalib/internal/docfile"
)

// EvalOptions is one evaluation of a run on a target.
type EvalOptions struct {
	Run string // folder of the run

	// Features names the target's feature files; or Data holds what they would.
	// Prototypes are optional: without, the run's own are the reference.
	Features []string
	Data     *adapt.Data
	Inputs   Inputs // where Data came from

	// Record says which picture each row of Data is of, and what was left out;
	// nil where that is not known.
	Record *data.Record

	// Classes are the run's classes that the target has, in the order of the
	// target's labels; nil means all. It is for adapters.
	Classes []int

	// Prompts is what learned prompts need besides; nil for adapters.
	Prompts *PromptTarget

	// DAC, unless nil, is a remedy for a run of learned prompts without one.
	DAC *DAC

	Out    string         // folder of the logits; "" means that of [TargetDir]
	Name   string         // of the target, where Out is empty
	Bins   calib.Options  // of the metrics
	Device *device.Device // of an adapter; nil means the processor

	// Log, unless nil, is told what the user should know besides the result.
	Log func(line string)
}

// Target is what an evaluation is of, as target.yaml keeps it.
type Target struct {
	Method           string `yaml:"method"`
	Remedy           string `yaml:"remedy"`
	ParametersSHA256 string `yaml:"parameters_sha256"`
	Inputs           Inputs `yaml:"inputs"`
	Classes          []int  `yaml:"classes,omitempty,flow"`
	ClassNamesSHA256 string `yaml:"class_names_sha256,omitempty"`
	Neighbours       int    `yaml:"neighbours,omitempty"` // of remedy dac
	Prototypes       string `yaml:"prototypes"`           // of the adapted logits: the run's, the target's or learned
	ZeroShot         string `yaml:"zero_shot_prototypes"` // of the reference
	Bins, FineBins   int    `yaml:",omitempty"`
	Samples, Width   int
	NumberOfClasses  int `yaml:"number_of_classes"`
}

// Result is what an evaluation found.
type Result struct {
	Target   Target
	Metrics  calib.Metrics
	ZeroShot calib.Metrics
	Dir      string // where the logits are
	Reused   bool   // they were there already
}

// classifier is what a run trained, ready for one target.
type classifier interface {
	// describe fills in what t says of the classifier, and returns the number
	// of classes.
	describe(t *Target) int
	// logits returns the adapted logits [N, K], before and after the remedy's map of
	// inference, and the zero-shot ones.
	logits(ctx context.Context, features adapt.Matrix) (l classified, err error)
}

// classified are the logits of a target.
type classified struct{ raw, adapted, zeroShot adapt.Matrix }

const (
	fromRun     = "run"
	fromTarget  = "target"
	fromPrompts = "learned prompts"
)

// Eval classifies a target with what a run trained and writes logits, labels
// and metrics. The zero-shot reference uses the target's prototypes if it has
// any; so do an adapter's logits, except under --compat clipcalib, which
// carries the source's over. Learned prompts are put before the target's class
// names.
func Eval(ctx context.Context, o EvalOptions) (Result, error) {
	res, err := o.eval(ctx)
	if err != nil {
		return res, fmt.Errorf("eval %s: %w", o.Run, err)
	}
	return res, nil
}

func (o EvalOptions) eval(ctx context.Context) (Result, error) {
	res := Result{Dir: o.Out}
	if o.Out == "" && o.Name == "" {
		return res, errors.New("no folder given for the logits (--out)")
	}
	family, path, err := trainedFile(o.Run)
	if err != nil {
		return res, err
	}
	given, err := o.data()
	if err != nil {
		return res, err
	}
	open := o.openAdapter
	if family == FamilyPrompts {
		open = o.openPrompts
	}
	c, err := open(path, given)
	if err != nil {
		return res, err
	}
	if o.DAC != nil {
		if err := o.DAC.check(c); err != nil {
			return res, err
		}
	}
	if err := o.describe(&res.Target, c, given, path); err != nil {
		return res, inFiles(o.Features, err)
	}
	m, err := ReadModel(o.Run) // which checks every file, the list of classes too
	if err != nil {
		return res, err
	}
	if o.DAC == nil {
		if err := m.CheckTrained(filepath.Base(path), res.Target.Method, res.Target.Remedy); err != nil {
			return res, err
		}
	}
	dir := func() string {
		if o.Out != "" {
			return o.Out
		}
		return TargetDir(o.Run, o.Name, res.Target.Inputs.DataHash())
	}
	if res.Dir = dir(); hasManifest(res.Dir) && res.reusable() == nil && hasFacts(res.Dir, o.facts(res), o.Record) {
		res.Reused = true
		return res, nil
	}
	var release func()
	res.Dir, release, err = holdTarget(ctx, dir, o.Log)
	if err != nil {
		return res, err
	}
	defer release()
	var damage *Damage
	if err := res.reusable(); err == nil {
		res.Reused = true
		return res, keepFacts(res.Dir, res.Metrics, o.facts(res), o.Record)
	} else if errors.As(err, &damage) && o.Log != nil {
		o.Log(err.Error() + ": evaluating again")
	}
	return res, inFiles(o.Features, o.run(ctx, c, given, &res))
}

// reusable reports what keeps a result from being taken as it is on disk.
func (r *Result) reusable() error {
	var old Target
	if err := r.read(); err != nil {
		return err
	}
	if err := docfile.ReadYAML(filepath.Join(r.Dir, targetFile), &old); err != nil {
		return err
	}
	if !old.same(r.Target) {
		return errors.New("it is of another recipe or of other data")
	}
	return nil
}

// trainedFile finds a finished run's parameters.
func trainedFile(dir string) (family, path string, err error) {
	for _, family := range []string{FamilyAdapters, FamilyPrompts} {
		path := filepath.Join(dir, parameterFiles[family])
		if _, err := os.Stat(path); err == nil {
			return family, path, CheckFiles(dir, recipeFile, parameterFiles[family])
		}
	}
	return "", "", fmt.Errorf("no finished run here: %s and %s are missing", filepath.Join(dir, adapterFile),
		promptsFile)
}

// adapterOn is an adapter on a target, and the one that gives its zero-shot
// reference.
type adapterOn struct {
	adapter, reference *adapt.Adapter
	classes            []int
	own                bool // the target has prototypes of its own
}

// openAdapter decides whose text prototypes classify.
func (o EvalOptions) openAdapter(path string, data adapt.Data) (classifier, error) {
	a, err := adapt.Load(path)
	if err != nil {
		return nil, err
	}
	a.Device = o.Device
	if o.Classes != nil {
		if a, err = a.Select(o.Classes); err != nil {
			return nil, err
		}
	}
	c := adapterOn{adapter: a, reference: a, classes: o.Classes}
	if data.Prototypes.Rows == 0 {
		return c, nil
	}
	if len(o.Features) > 0 { // the classes of data sets are joined by their keys
		if err := a.CheckOrder(data.Prototypes); err != nil {
			return nil, inFiles(o.Features, fmt.Errorf("run %s: %w", o.Run, err))
		}
	}
	c.own = true
	if c.reference, err = a.WithPrototypes(data.Prototypes); err != nil {
		err = fmt.Errorf("the target's text features do not fit the run's %d classes: %w; list the run's classes it has",
			a.Classes(), err)
		return nil, inFiles(o.Features, err)
	}
	if !a.Compat.CarriesPrototypes() {
		c.adapter = c.reference
	}
	return c, nil
}

func (c adapterOn) describe(t *Target) int {
	t.Method, t.Remedy, t.Classes = c.adapter.Method.Name(), c.adapter.Remedy.Name(), c.classes
	t.Prototypes, t.ZeroShot = fromRun, fromRun
	if c.own {
		t.ZeroShot = fromTarget
		if !c.adapter.Compat.CarriesPrototypes() {
			t.Prototypes = fromTarget
		}
	}
	return c.adapter.Classes()
}

func (c adapterOn) logits(ctx context.Context, features adapt.Matrix) (l classified, err error) {
	if l.raw, err = c.adapter.RawLogits(ctx, features); err != nil {
		return l, err
	}
	if l.zeroShot, err = c.reference.ZeroShotLogits(ctx, features); err != nil {
		return l, err
	}
	l.adapted, err = c.adapter.Rescale(l.raw, l.zeroShot)
	return l, err
}

func (o *EvalOptions) data() (adapt.Data, error) {
	return o.Inputs.data(o.Data, o.Features, tensorFeatures, tensorLabels)
}

func (o EvalOptions) describe(t *Target, c classifier, d adapt.Data, path string) error {
	classes := c.describe(t)
	if o.DAC != nil {
		t.Remedy, t.Neighbours = RemedyDAC, o.DAC.neighbours()
	}
	if len(d.Labels) != d.Features.Rows {
		return fmt.Errorf("%d labels for %d features", len(d.Labels), d.Features.Rows)
	}
	for i, y := range d.Labels {
		if y < 0 || y >= classes {
			return fmt.Errorf("label %d at row %d is outside 0 to %d", y, i, classes-1)
		}
	}
	var err error
	if t.ParametersSHA256, err = fileSHA256(path); err != nil {
		return err
	}
	t.Inputs = o.Inputs
	t.Bins, t.FineBins = o.Bins.Bins, o.Bins.FineBins
	t.Samples, t.Width, t.NumberOfClasses = d.Features.Rows, d.Features.Cols, classes
	return nil
}

// same reports whether two targets have the same logits; paths do not matter.
func (t Target) same(other Target) bool {
	t.Inputs, other.Inputs = t.Inputs.identity(), other.Inputs.identity()
	return reflect.DeepEqual(t, other)
}

func (o EvalOptions) run(ctx context.Context, c classifier, d adapt.Data, res *Result) error {
	got, err := c.logits(ctx, d.Features)
	if err != nil {
		return err
	}
	logits, zs := got.adapted, got.zeroShot
	if p, ok := c.(promptsOn); ok && o.DAC != nil {
		if logits, err = o.DAC.apply(ctx, p, logits, res.Dir); err != nil {
			return fmt.Errorf("remedy dac: %w", err)
		}
	}
	if res.Metrics, err = measure(logits, d.Labels, o.Bins); err != nil {
		return err
	}
	if res.ZeroShot, err = measure(zs, d.Labels, o.Bins); err != nil {
		return fmt.Errorf("zero-shot: %w", err)
	}
	if o.Record != nil && len(o.Record.Rows) != d.Features.Rows {
		return fmt.Errorf("%d rows are named for %d features", len(o.Record.Rows), d.Features.Rows)
	}
	var more []func() error
	if res.Target.IsValidation() && o.DAC == nil {
		drift, err := driftOf(got.raw, zs, d.Features.Rows)
		if err != nil {
			return err
		}
		more = append(more, func() error { return docfile.WriteJSON(filepath.Join(res.Dir, driftFile), drift) })
	}
	return res.write(logits, zs, d.Labels, o.facts(*res), o.Record, more...)
}

func (o EvalOptions) facts(res Result) Facts {
	return NewFacts(filepath.Base(res.Dir), res.Target.Samples, res.Target.NumberOfClasses, o.Bins, o.Inputs.Templates,
		o.Record)
}
