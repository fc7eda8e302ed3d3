package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/engine"
	"clipcalib/internal/npy"
)

// EvalOptions is one evaluation of a run on a target.
type EvalOptions struct {
	Run string // folder of the run

	// Features names the target's feature files; or Data holds what they would.
	// Prototypes are optional: without, the run's own are the reference.
	Features []string
	Data     *adapt.Data
	Inputs   Inputs // where Data came from

	// Classes are the run's classes that the target has, in the order of the
	// target's labels; nil means all.
	Classes []int

	Out    string        // folder of the logits; "" means RUN/targets/NAME
	Name   string        // of the target, where Out is empty
	Bins   calib.Options // of the metrics
	Engine engine.Engine // nil means the CPU
}

// Target is what an evaluation is of, as target.yaml keeps it.
type Target struct {
	Method          string `yaml:"method"`
	Remedy          string `yaml:"remedy"`
	AdapterSHA256   string `yaml:"adapter_sha256"`
	Inputs          Inputs `yaml:"inputs"`
	Classes         []int  `yaml:"classes,omitempty,flow"`
	Prototypes      string `yaml:"prototypes"`           // of the adapted logits: the run's or the target's
	ZeroShot        string `yaml:"zero_shot_prototypes"` // of the reference
	Bins, FineBins  int    `yaml:",omitempty"`
	Samples, Width  int
	NumberOfClasses int `yaml:"number_of_classes"`
}

// Result is what an evaluation found.
type Result struct {
	Target   Target
	Metrics  calib.Metrics
	ZeroShot calib.Metrics
	Dir      string // where the logits are
	Reused   bool   // they were there already
}

const (
	fromRun    = "run"
	fromTarget = "target"
)

// Eval classifies a target's features with a run's adapter and writes logits,
// labels and metrics. The zero-shot reference uses the target's prototypes if
// it has any; so do the adapted logits, except under --compat clipcalib, which
// carries the source's over.
func Eval(ctx context.Context, o EvalOptions) (Result, error) {
	res, err := o.eval(ctx)
	if err != nil {
		return res, fmt.Errorf("eval %s: %w", o.Run, err)
	}
	return res, nil
}

func (o EvalOptions) eval(ctx context.Context) (Result, error) {
	res := Result{Dir: o.Out}
	if o.Out == "" {
		if o.Name == "" {
			return res, errors.New("no folder given for the logits (--out)")
		}
		res.Dir = filepath.Join(o.Run, "targets", o.Name)
	}
	path := filepath.Join(o.Run, adapterFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return res, fmt.Errorf("no finished run here: %s is missing", path)
	}
	a, err := adapt.Load(path)
	if err != nil {
		return res, err
	}
	a.Engine = o.Engine
	data, err := o.data()
	if err != nil {
		return res, err
	}
	if o.Classes != nil {
		if a, err = a.Select(o.Classes); err != nil {
			return res, err
		}
	}
	reference, err := o.prototypes(&a, data, &res.Target)
	if err != nil {
		return res, in(o.Features, err)
	}
	if err := o.describe(&res.Target, a, data, path); err != nil {
		return res, in(o.Features, err)
	}
	var old Target
	if readYAML(filepath.Join(res.Dir, targetFile), &old) == nil && old.same(res.Target) {
		if res.read() == nil {
			res.Reused = true
			return res, nil
		}
	}
	return res, in(o.Features, o.run(ctx, a, reference, data, &res))
}

// in names the feature files in an error about what they hold.
func in(files []string, err error) error {
	if err == nil || len(files) == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", strings.Join(files, ", "), err)
}

// prototypes decides whose text prototypes classify, puts them into *a and
// returns the adapter that gives the zero-shot reference.
func (o EvalOptions) prototypes(a **adapt.Adapter, data adapt.Data, t *Target) (*adapt.Adapter, error) {
	t.Prototypes, t.ZeroShot = fromRun, fromRun
	if data.Prototypes.Rows == 0 {
		return *a, nil
	}
	reference, err := (*a).WithPrototypes(data.Prototypes)
	if err != nil {
		return nil, fmt.Errorf("the target's text features do not fit the run's %d classes: %w; list the run's classes it has", (*a).Classes(), err)
	}
	t.ZeroShot = fromTarget
	if !(*a).Compat.CarriesPrototypes() {
		t.Prototypes = fromTarget
		*a = reference
	}
	return reference, nil
}

func (o *EvalOptions) data() (adapt.Data, error) {
	if o.Data != nil {
		o.Inputs = o.Inputs.withHash(*o.Data)
		return *o.Data, nil
	}
	f, err := ReadFeatures(o.Features...)
	if err != nil {
		return adapt.Data{}, err
	}
	o.Inputs.Features, o.Inputs.FeaturesSHA256 = o.Features, f.SHA256
	return f.Data, in(o.Features, missing(f.Data, tensorFeatures, tensorLabels))
}

func (o EvalOptions) describe(t *Target, a *adapt.Adapter, d adapt.Data, path string) error {
	if len(d.Labels) != d.Features.Rows {
		return fmt.Errorf("%d labels for %d features", len(d.Labels), d.Features.Rows)
	}
	for i, y := range d.Labels {
		if y < 0 || y >= a.Classes() {
			return fmt.Errorf("label %d at row %d is outside 0 to %d", y, i, a.Classes()-1)
		}
	}
	sum, err := fileSHA256(path)
	if err != nil {
		return err
	}
	t.Method, t.Remedy, t.AdapterSHA256 = a.Method.Name(), a.Remedy.Name(), sum
	t.Inputs, t.Classes = o.Inputs, o.Classes
	t.Bins, t.FineBins = o.Bins.Bins, o.Bins.FineBins
	t.Samples, t.Width, t.NumberOfClasses = d.Features.Rows, d.Features.Cols, a.Classes()
	return nil
}

// same reports whether two targets have the same logits; paths do not matter.
func (t Target) same(other Target) bool {
	t.Inputs.Features, other.Inputs.Features = nil, nil
	t.Inputs.Data, other.Inputs.Data = "", ""
	t.Inputs.Weights, other.Inputs.Weights = "", ""
	return reflect.DeepEqual(t, other)
}

func (o EvalOptions) run(ctx context.Context, a, reference *adapt.Adapter, d adapt.Data, res *Result) error {
	raw, err := a.RawLogits(ctx, d.Features)
	if err != nil {
		return err
	}
	zs, err := reference.ZeroShotLogits(ctx, d.Features)
	if err != nil {
		return err
	}
	logits, err := a.Rescale(raw, zs)
	if err != nil {
		return err
	}
	if res.Metrics, err = measure(logits, d.Labels, o.Bins); err != nil {
		return err
	}
	if res.ZeroShot, err = measure(zs, d.Labels, o.Bins); err != nil {
		return fmt.Errorf("zero-shot: %w", err)
	}
	return res.write(logits, zs, d.Labels)
}

func measure(l adapt.Matrix, labels []int, bins calib.Options) (calib.Metrics, error) {
	m, err := calib.FromFloat32(l.Rows, l.Cols, l.Data)
	if err != nil {
		return calib.Metrics{}, err
	}
	return calib.Evaluate(m, labels, bins)
}

// write puts the files in place, target.yaml last: it marks the end.
func (r Result) write(logits, zs adapt.Matrix, labels []int) error {
	in := func(name string) string { return filepath.Join(r.Dir, name) }
	if err := os.Remove(in(targetFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, write := range []func() error{
		func() error { return npy.WriteFile(in(logitsFile), logits.Data, logits.Rows, logits.Cols) },
		func() error { return npy.WriteFile(in(zeroShotFile), zs.Data, zs.Rows, zs.Cols) },
		func() error { return npy.WriteLabels(in(labelsFile), labels) },
		func() error { return writeJSON(in(metricsFile), r.Metrics) },
		func() error { return writeJSON(in(zeroShotMetricsFile), r.ZeroShot) },
		func() error { return writeYAML(in(targetFile), r.Target) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// read takes the metrics of an evaluation that is there already.
func (r *Result) read() error {
	for _, name := range []string{logitsFile, zeroShotFile, labelsFile} {
		if _, err := os.Stat(filepath.Join(r.Dir, name)); err != nil {
			return err
		}
	}
	return errors.Join(
		readJSON(filepath.Join(r.Dir, metricsFile), &r.Metrics),
		readJSON(filepath.Join(r.Dir, zeroShotMetricsFile), &r.ZeroShot),
	)
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
