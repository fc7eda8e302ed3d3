package cli

import (
	"context"
	"fmt"
	"slices"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
	"clipcalib/internal/pin"
	"clipcalib/internal/run"
)

// session is what the trainings of a command share: the source set, the model
// with its device and bank, and the files of features.
type session struct {
	a     *app
	set   *data.Set
	src   *features.Source
	files *run.Features // kept for a grid

	keepUnderscores bool // in the set's class names

	learnt learnt // what was prepared last

	shots     *data.Set // drawn last
	shotsDraw data.Shots
	shotsSeed uint64
}

func (s *session) close() {
	if s.src != nil {
		s.src.Model.Close()
	}
}

// choice is one training with its names resolved: one of the two is nil.
type choice struct {
	adapter *run.AdaptOptions
	prompts *run.PromptOptions
}

// choose resolves the flags.
func (f *adaptFlags) choose(method string) (choice, error) {
	if isPrompt(method) {
		o, err := f.parsePrompts(method)
		return choice{prompts: &o}, err
	}
	o, err := f.parse(method)
	switch {
	case err != nil:
	case len(f.features) > 0 && f.data != "":
		err = usagef("adapt: name either --features or --data, not both")
	case len(f.features) == 0 && f.data == "":
		err = usagef("adapt: --data SOURCE (with --weights) or --features FILE is missing")
	}
	return choice{adapter: &o}, err
}

func (p choice) remedy() adapt.Remedy {
	if p.prompts != nil {
		return p.prompts.Remedy
	}
	return p.adapter.Remedy
}

// epochs is how long it trains; resolving has been checked before.
func (p choice) epochs() int {
	if p.prompts != nil {
		o, _ := run.CheckPromptOptions(p.prompts.Method, p.prompts.Train, adapt.DefaultLogitScale)
		return o.Epochs
	}
	o, _ := p.adapter.Train.Resolved()
	return o.Epochs
}

// ready is a training that has its data.
type ready struct {
	record *data.Record   // of its shots; nil for one on features
	facts  run.ModelFacts // of its model
	key    func() (run.Key, error)
	run    func(ctx context.Context, w trainInto) (trained bool, err error)
}

// trainInto says where a training goes, and who is told of it.
type trainInto struct {
	lane      *lanes.Lane // nil for the command's own device and model
	out, twin string
	log       func(string)
	progress  func(adapt.Progress)
}

// prepare reads and encodes what a training learns from.
func (s *session) prepare(ctx context.Context, f *adaptFlags, p choice) (r ready, err error) {
	if p.prompts != nil {
		return s.preparePrompts(ctx, f, *p.prompts)
	}
	o := *p.adapter
	if len(f.features) > 0 {
		o.Features = f.features
		if s.files != nil {
			o.Data, o.Inputs.Features, o.Inputs.FeaturesSHA256 = &s.files.Data, f.features, s.files.SHA256
		}
		s.learnt = learnt{}
		if o.Train.Device, err = s.a.openDevice(); err != nil {
			return r, err
		}
	} else {
		shots, err := s.drawAndOpen(f)
		if err != nil {
			return r, err
		}
		if r.record, err = s.encodeShots(ctx, s.set, shots, f, &o); err != nil {
			return r, err
		}
	}
	if err := f.checkRepeated(o.Recipe); err != nil {
		return r, err
	}
	r.facts = o.Inputs.Model
	r.key = func() (run.Key, error) { return o.Key() }
	r.run = func(ctx context.Context, w trainInto) (bool, error) {
		o.Out, o.Twin, o.Log, o.Train.Progress, o.Train.Ranges = w.out, w.twin, w.log, w.progress, f.tensorboard != ""
		if w.lane != nil {
			o.Train.Device = w.lane.Device
		}
		o.Train.EachEpoch = f.eachEpoch
		return run.Adapt(ctx, o)
	}
	return r, nil
}

func (s *session) preparePrompts(ctx context.Context, f *adaptFlags, o run.PromptOptions) (r ready, err error) {
	shots, err := s.drawAndOpen(f)
	if err != nil {
		return r, err
	}
	if err := prompt.Check(s.src.Model, o.Method, s.set.Classes); err != nil {
		return r, err
	}
	if r.record, err = s.promptData(ctx, s.set, shots, f, &o); err != nil {
		return r, err
	}
	if err := f.checkRepeated(o.Recipe); err != nil {
		return r, err
	}
	r.facts = o.Inputs.Model
	r.key = func() (run.Key, error) { return o.Key() }
	r.run = func(ctx context.Context, w trainInto) (_ bool, err error) {
		o.Out, o.Twin, o.Log, o.Train.Progress, o.Train.Ranges = w.out, w.twin, w.log, w.progress, f.tensorboard != ""
		if w.lane != nil {
			if o.Model, err = w.lane.Model(o.Model); err != nil {
				return false, err
			}
		}
		return run.LearnPrompts(ctx, o)
	}
	return r, nil
}

// drawAndOpen reads the source set, draws the shots and opens the model, each
// unless it has.
func (s *session) drawAndOpen(f *adaptFlags) (*data.Set, error) {
	if f.shots < 0 {
		return nil, usagef("--shots %d: want at least 1, or 0 for every picture", f.shots)
	}
	if err := s.load(f); err != nil {
		return nil, err
	}
	if f.picks != "" {
		if err := s.pick(f); err != nil {
			return nil, err
		}
		return s.shots, s.open(f.source)
	}
	if s.shots == nil || s.shotsDraw != f.drawn() || s.shotsSeed != f.train.Seed {
		shots, err := data.FewShot(s.set, f.drawn(), int64(f.train.Seed))
		if err != nil {
			return nil, err
		}
		s.a.encoded.forget(s.shots)
		s.shots, s.shotsDraw, s.shotsSeed = shots, f.drawn(), f.train.Seed
	}
	return s.shots, s.open(f.source)
}

// pick takes the shots from a file, unless it has.
func (s *session) pick(f *adaptFlags) error {
	if s.shots == nil {
		p, err := data.ReadPicks(f.picks)
		if err != nil {
			return err
		}
		if s.shots, err = p.Of(s.set); err != nil {
			return fmt.Errorf("picks %s: %w", f.picks, err)
		}
	}
	f.shots, f.repeat = slices.Max(s.shots.Counts()), false
	return nil
}

// checkPicks refuses flags that draw beside a file of shots.
func (f *adaptFlags) checkPicks(axes []axis) error {
	if f.picks == "" {
		return nil
	}
	if len(f.features) > 0 {
		return usagef("--picks is for --data: feature files hold their samples")
	}
	for _, a := range axes {
		if a.name == "shots" || a.name == "repeat" {
			from := "--picks names"
			if f.pins.from != "" && f.picks == pin.Find(f.pins.from, pin.ShotsFile) {
				from = "--pin has " + pin.ShotsFile + ", which names"
			}
			return usagef("%s the shots, so --%s has nothing to draw: leave it out", from, a.name)
		}
	}
	return nil
}

func (s *session) load(f *adaptFlags) (err error) {
	// Class names go by what --compat says of underscores.
	if s.set != nil && s.keepUnderscores == f.source.keepUnderscores {
		return nil
	}
	if err := checkOutputFolder(f.out); err != nil {
		return err
	}
	s.a.encoded.forget(s.shots)
	s.shots, s.keepUnderscores = nil, f.source.keepUnderscores
	s.set, err = s.a.load(f.source, f.data, "train")
	return err
}

func (s *session) open(f sourceFlags) (err error) {
	if s.src == nil {
		s.src, err = s.a.openSource(f)
	}
	return err
}

// encodedSets are the features of sets, kept while a grid needs them.
type encodedSets struct {
	of map[*data.Set]map[features.Views]features.Set
}

func (e *encodedSets) find(set *data.Set, v features.Views) (features.Set, bool) {
	if e == nil {
		return features.Set{}, false
	}
	out, ok := e.of[set][v]
	return out, ok
}

func (e *encodedSets) keep(set *data.Set, v features.Views, out features.Set) {
	if e == nil {
		return
	}
	if e.of[set] == nil {
		e.of[set] = map[features.Views]features.Set{}
	}
	e.of[set][v] = out
}

func (e *encodedSets) forget(set *data.Set) {
	if e != nil {
		delete(e.of, set)
	}
}
