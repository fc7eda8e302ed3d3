package clipcalib

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/run"
	"clipcalib/weights"

	"golang.org/x/sync/errgroup"
)

// RunOptions say how a run is opened. The zero value is right for a run whose
// weights are where they were.
type RunOptions struct {
	Weights string  // the checkpoint; "" is that of the run, beside its folder or where it was
	Device  *Device // nil opens the processor for this run alone
	Batch   int     // pictures encoded at a time; 0 is the default of vit.Options
	// Classes are the names to choose from, for learned prompts and test-time
	// tuning; nil means the run's. An adapter has its own.
	Classes []string

	// Coverage asks for sets of classes that hold a picture's class with this
	// probability, between 0 and 1; 0 makes none. See [Set] for what it rests on.
	Coverage float64
	// Calibration is the folder of an evaluation of this run that sets are
	// calibrated on; "" is that on the validation fold of the run's data set.
	Calibration string
	// Score is [calib.LAC], the default, [calib.APS] or [calib.RAPS].
	Score string
}

// Run is what was trained, ready to say what is in pictures. It is safe for
// concurrent use.
type Run struct {
	dir     string
	model   run.Model
	clip    *Model
	weights string // path of the checkpoint
	classes []string
	drift   *run.Drift // nil where it is not known
	sets    *sets      // nil where none are asked for
	kind    classifier
}

// OpenRun opens the folder of a finished run of any family: adapters, learned
// prompts, test-time tuning. Other weights than the run's are refused; what
// they do not say, such as the activation, is the run's. Methods and remedies
// of a program's own must be registered before. The caller closes the run.
func OpenRun(path string, o RunOptions) (*Run, error) {
	r, err := openRun(path, o)
	if err != nil {
		return nil, fmt.Errorf("open run: %w", err)
	}
	return r, nil
}

func openRun(dir string, o RunOptions) (*Run, error) {
	m, err := run.ReadModel(dir)
	if err != nil {
		return nil, err
	}
	r := &Run{dir: dir, model: m, weights: o.Weights}
	if err := r.open(o); err != nil {
		r.Close()
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	return r, nil
}

func (r *Run) open(o RunOptions) (err error) {
	if r.model.Weights.SHA256 == "" {
		return errors.New("it was trained on feature files, so its model is not known: " +
			"train it on pictures, with weights")
	}
	if r.classes, err = r.chooseClasses(o.Classes); err != nil {
		return err
	}
	if r.weights == "" {
		if r.weights, err = r.model.FindWeights(r.dir); err != nil {
			return err
		}
	}
	if r.drift, err = run.ReadDrift(r.dir); err != nil {
		return err
	}
	if r.sets, err = r.openSets(o); err != nil {
		return err
	}
	if r.clip, err = r.openModel(o); err != nil {
		return err
	}
	if had, has := r.model.Preprocessing, r.clip.Images.Preprocessor().String(); had != "" && had != has {
		return fmt.Errorf("its pictures were prepared by %q, and this program does it by %q", had, has)
	}
	r.kind, err = openers[r.model.Family](r)
	return err
}

// openModel opens the run's checkpoint, if it is that.
func (r *Run) openModel(o RunOptions) (*Model, error) {
	options, err := r.model.CheckpointOptions()
	if err != nil {
		return nil, err
	}
	c, err := weights.OpenCLIP(r.weights, options)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	sum, err := c.File().SHA256()
	if err != nil {
		return nil, err
	}
	if err := r.model.CheckWeights(r.weights, run.WeightsIdentity(sum, c)); err != nil {
		return nil, err
	}
	m, err := clip.New(c, clip.Options{Device: o.Device, Batch: o.Batch})
	if err == nil && r.model.Truncate {
		m.Truncated = func(string) {}
	}
	return m, err
}

// chooseClasses returns the names that predictions choose from.
func (r *Run) chooseClasses(asked []string) ([]string, error) {
	own := classNames(r.model.Classes)
	switch {
	case asked == nil && own != nil:
		return own, nil
	case asked == nil && r.model.Family == run.FamilyTestTime:
		return nil, errors.New("it has no finished target, or its targets have different classes: " +
			"give their names (RunOptions.Classes, --classes)")
	case asked == nil:
		return nil, errors.New("classes.json is missing, so the classes have no names")
	case r.model.Family == run.FamilyAdapters && !slices.Equal(asked, own):
		return nil, errors.New("an adapter classifies into the classes it was trained for and no others")
	case slices.Equal(asked, own):
		return own, nil
	}
	read := map[string]string{}
	for _, name := range asked {
		as := data.ReadAs(name)
		other, twice := read[as]
		switch {
		case as == "":
			return nil, errors.New("a class has an empty name")
		case twice && other == name:
			return nil, fmt.Errorf("class %q is named twice: each would get half of its probability; name it once",
				name)
		case twice:
			return nil, fmt.Errorf("classes %q and %q read alike: each would get half of the probability; "+
				"name one", other, name)
		}
		read[as] = name
	}
	return asked, nil
}

// Close gives the model's memory back, and the device where the run opened it.
func (r *Run) Close() error {
	if r.kind != nil {
		r.kind.close()
	}
	if r.clip == nil {
		return nil
	}
	return r.clip.Close()
}

// Classes are the names that predictions choose from.
func (r *Run) Classes() []string { return slices.Clone(r.classes) }

// RunInfo says what a run is, as GET /info of [Handler] does.
type RunInfo struct {
	Run          string   `json:"run"`    // its folder's name
	Family       string   `json:"family"` // adapters, prompts or test-time
	Method       string   `json:"method"`
	Remedy       string   `json:"remedy"`
	Classes      []string `json:"classes"`
	Weights      string   `json:"weights"` // name of the checkpoint's file
	WeightsHash  string   `json:"weights_sha256"`
	Architecture string   `json:"architecture"`
	Device       string   `json:"device"`
	Drift        string   `json:"drift"` // how it is told, in words
	// Coverage is nil where no sets are made.
	Coverage *Coverage `json:"coverage,omitempty"`
}

// Info says what the run is.
func (r *Run) Info() RunInfo {
	abs, err := filepath.Abs(r.dir)
	if err != nil {
		abs = r.dir
	}
	return RunInfo{
		Run: filepath.Base(abs), Family: r.model.Family, Method: r.model.Method, Remedy: r.model.Remedy,
		Classes: r.Classes(), Weights: filepath.Base(r.weights), WeightsHash: r.model.Weights.SHA256,
		Architecture: r.clip.Config.Architecture(), Device: r.clip.Device.Name(), Drift: r.driftRule(),
		Coverage: r.coverage(),
	}
}

// Prepare decodes a picture and makes it what the model takes. An error of a
// picture that cannot be read is a [*PictureError].
func (r *Run) Prepare(p Picture) (Prepared, error) {
	img, err := p.read()
	if err != nil {
		return Prepared{}, err
	}
	out, err := r.kind.prepare(img)
	if err != nil {
		return out, &PictureError{p.name, err}
	}
	out.name = p.name
	return out, nil
}

// Predict says what is in pictures. A picture that cannot be read fails the
// call with a [*PictureError]; see [Run.Prepare] to leave such out. What is said
// of one picture does not depend on which others it comes with, but for the
// batch's drift and the last bits of float32, which how many they are decides.
func (r *Run) Predict(ctx context.Context, pictures ...Picture) (Predictions, error) {
	prepared := make([]Prepared, len(pictures))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range pictures {
		g.Go(func() (err error) {
			if err = gctx.Err(); err == nil {
				prepared[i], err = r.Prepare(p)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Predictions{}, fmt.Errorf("predict: %w", err)
	}
	return r.PredictPrepared(ctx, prepared...)
}

// PredictPrepared is [Run.Predict] for pictures of [Run.Prepare].
func (r *Run) PredictPrepared(ctx context.Context, pictures ...Prepared) (Predictions, error) {
	var out Predictions
	for part := range slices.Chunk(pictures, r.kind.batch()) {
		l, err := r.kind.logits(ctx, part)
		if err != nil {
			return Predictions{}, fmt.Errorf("predict: %w", err)
		}
		for i, p := range part {
			one, err := r.prediction(p.name, l.mapped.Row(i), l.adapted.Row(i), l.zeroShot.Row(i))
			if err != nil {
				return Predictions{}, fmt.Errorf("predict: %w", err)
			}
			out.Pictures = append(out.Pictures, one)
		}
	}
	out.Drift = r.BatchDrift(out.Pictures)
	return out, nil
}

// mapEach is adapt.Rescale row by row: a remedy of a program's own may look across the rows it
// is given, and no picture's answer depends on others.
func mapEach(r adapt.Remedy, adapted, zeroShot adapt.Matrix) (adapt.Matrix, error) {
	if !adapt.MapsInference(r) {
		return adapted, nil
	}
	out := adapt.NewMatrix(adapted.Rows, adapted.Cols)
	for i := range adapted.Rows {
		one := func(m adapt.Matrix) adapt.Matrix { return adapt.Matrix{Rows: 1, Cols: m.Cols, Data: m.Row(i)} }
		row, err := adapt.Rescale(r, one(adapted), one(zeroShot))
		if err != nil {
			return out, err
		}
		copy(out.Row(i), row.Data)
	}
	return out, nil
}
