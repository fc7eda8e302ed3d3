package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/data"
	"clipcalib/internal/named"
	"clipcalib/internal/pin"
	"clipcalib/internal/run"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// adaptFlags are the inputs of the adapt command.
type adaptFlags struct {
	source   sourceFlags
	features []string
	data     string
	out      string
	remedy   string
	loss     string
	compat   string
	schedule string
	optim    string
	init     string
	picks    string
	pins     pinFlags
	protocol string
	given    *pin.Views // by --pin
	shots    int
	repeat   bool
	views    int
	prompts  promptFlags
	set      []string
	train    adapt.Options

	// Of a grid.
	targets []string
	bins    int
	recipe  string
	repeats *run.Recipe // that the run must have again; nil is none

	tensorboard string
	scalers     postHocFlags // of a grid's table
	// eachEpoch, unless nil, is given an adapter after every epoch.
	eachEpoch func(adapt.Progress, *adapt.Adapter)
}

func adaptCommand(a *app) *cobra.Command {
	var f adaptFlags
	c := &cobra.Command{
		Use:   "adapt METHOD[,METHOD...] (--weights W --data SOURCE --shots K | --features F...) --out RUN",
		Short: "Adapt CLIP to a task with a few labelled images, with a remedy if asked",
		Long: `Trains METHOD on a few shots of a data set, or on features, and writes a run
folder: recipe, parameters, log. A run that exists is not repeated; one that was
interrupted goes on.

Several methods, and several values of flags such as --remedy, --seed, --shots
and --lr, parted by commas, make a grid: a run for every combination, in folders
below --out, on one model; so does --targets, on which each run is evaluated. Runs that
are there are kept; one that fails does not stop the others, and all that failed
are listed at the end. Small trainings run side by side on shares of the threads
(--jobs), to the same results. --post-hoc adds rows under fitted scalers to the table that
ends a grid, as report does. --recipe reads the same from a file, in which lists make
the grid and paths start from the file's folder:

  method: [zslp, taskres]
  remedy: [none, penalty]
  seed: [1, 2, 3]
  set: {lambda: [5, 10]}

In a grid, a setting counts for the runs whose method, remedy or loss has it.
The recipe.yaml of a run makes that run again, or says what differs here; its
paths start from the current folder.

Adapters of features:  ` + strings.Join(methodNames(), ", ") + `
Learned prompts:       ` + strings.Join(promptNames(), ", ") + `
Remedies:              ` + strings.Join(remedyNames(), ", ") + `
                       (tcpt for learned prompts alone)
Losses:                ` + strings.Join(lossNames(), ", ") + `

` + combinesHelp + `
Adapters are trained by the recipe of 300 epochs, rate 0.1, batch 256. Learned
prompts by that of their authors, with weight decay 0.0005:
              ` + promptDefaults() + `
Except for maple and promptsrc, which prompt the image tower too, prompts are
learned on features of augmented views that are encoded once.

SOURCE is a folder with one folder a class, the root of one of CoOp's, TPT's or
ImageNet's data sets, a split file (.json), a list (.tsv, .csv: path and label),
parquet files of Hugging Face, or webdataset archives (.tar). What was drawn is
kept in shots.csv and shots.json, what was left out and why in left_out.csv; --picks
takes such a draw, or CoOp's own, in place of a new one. Feature files are safetensors with features [N, D], labels
[N] and text_features [K, D]; they serve adapters.

--compat clipcalib makes the choices of the reference's released code; what they
are is printed with the run.
` + strings.TrimRight(adaptSettings(), "\n"),
		Example: `  clipcalib adapt taskres --remedy penalty --weights ViT-B-16.pt --data pets/ --shots 16 --out runs/pets-taskres
  clipcalib adapt coop --remedy sals --weights ViT-B-16.pt --data pets/ --shots 16 --out runs/pets-coop
  clipcalib adapt zslp,taskres --remedy none,penalty --seed 1,2,3 --shots 1,4 --weights ViT-B-16.pt --data pets/ --targets pets/,photos/ --out runs
  clipcalib adapt clip-adapter --features train.safetensors --epochs 50 --out runs/fa
  clipcalib adapt tip-adapter-f --features train.safetensors --optimizer adamw --epsilon 1e-4 --schedule step-cosine --epochs 20 --out runs/tip`,
	}
	varied := f.add(c)
	a.addJobs(c)
	addProtocol(c.Flags(), &f.protocol)
	completes(c, "protocol", baseToNew, crossDataset)
	f.pins.add(c.Flags(), "init.safetensors, order.npy, views.csv, shots.json")
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 && f.recipe != "" {
			return nil
		}
		return exactly("METHOD")(c, args)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		axes, err := f.axes(c.Flags(), varied, args)
		if err != nil {
			return err
		}
		if err := f.mode(c).check(c); err != nil {
			return err
		}
		if c.Flags().Changed("bins") && len(f.targets) == 0 {
			return usagef("--bins is for --targets, which are not given")
		}
		if err := f.takePins(); err != nil {
			return err
		}
		if err := f.checkPicks(axes); err != nil {
			return err
		}
		if f.out == "" {
			return usagef("required flag \"out\" is not set: name the folder of the run, or of the runs, with --out")
		}
		if err := f.useProtocol(); err != nil {
			return err
		}
		if err := f.scalers.checkTargets("--targets", f.targets); err != nil {
			return err
		}
		cells, err := f.cells(axes)
		for _, c := range cells {
			err = errors.Join(err, canMeetNew(f.protocol, c.method))
		}
		if err == nil {
			err = f.pins.alone(len(cells) + len(f.targets))
		}
		switch {
		case err != nil:
			return err
		case len(cells) == 1 && len(f.targets) == 0:
			a.oneJob()
			return a.adapt(c.Context(), cells[0].flags, cells[0].method)
		}
		return a.adaptGrid(c.Context(), f, cells)
	}
	return c
}

// mode says which flags the training has a use for.
func (f *adaptFlags) mode(c *cobra.Command) mode {
	switch {
	case len(f.features) > 0 && f.data == "":
		return without(c, "with --features, which are encoded already",
			append(sourceNames(), "shots", "repeat", "views", "picks")...)
	case f.repeat && f.shots < 1:
		return without(c, "with --shots 0, which takes every picture once", "repeat")
	}
	return without(c, "")
}

// add adds the command's flags, and returns those of several values.
func (f *adaptFlags) add(c *cobra.Command) *varied {
	f.source.add(c)
	f.source.addTruncate(c)
	fl := c.Flags()
	fl.StringArrayVar(&f.features, "features", nil, "feature file in place of --weights and --data; repeat for a "+
		"second file")
	fl.StringVar(&f.data, "data", "", "source data set; its train part where it has parts")
	fl.StringVar(&f.out, "out", "", "folder of the run")
	fl.BoolVar(&f.source.float16, "float16-prototypes", false, "with --compat clipcalib: prototypes rounded to "+
		"float16, in which the released code makes them")
	fl.StringVar(&f.init, "init", "", "file of initial values (residual, classifier, w1, w2, cache_keys; "+
		"prompt_learner.ctx), such as another run's adapter.safetensors or prompts.safetensors, or a checkpoint of "+
		"another implementation")
	fl.StringVar(&f.picks, "picks", "", "file of the shots, in place of drawing them: CoOp's "+
		"split_fewshot/shot_K-seed_S.pkl, or the shots.json of a run")
	varied := vary(fl, f.addVaried, "context")
	fl.StringSliceVar(&f.targets, "targets", nil, "data sets, or feature files for runs on features, that every run is "+
		"evaluated on")
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE on --targets")
	addTensorboard(fl, &f.tensorboard)
	f.scalers.add(c)
	fl.StringVar(&f.recipe, "recipe", "", "YAML file of these flags by their names, and of method and set; a flag "+
		"given here goes before it; or a run's recipe.yaml, to repeat the run")
	addSet(fl, &f.set)
	completesMethods(c, append(methodNames(), promptNames()...)...)
	completesList(c, "remedy", remedyNames()...)
	completesList(c, "loss", lossNames()...)
	completesList(c, "compat", string(adapt.Textbook), string(adapt.CLIPCalib))
	completesList(c, "optimizer", string(adapt.SGD), string(adapt.AdamW))
	completesList(c, "schedule", scheduleNames()...)
	return varied
}

// addVaried adds the flags that decide a run and may have several values.
func (f *adaptFlags) addVaried(fl *pflag.FlagSet) {
	fl.StringVar(&f.remedy, "remedy", "none", strings.Join(remedyNames(), ", "))
	fl.StringVar(&f.loss, "loss", "ce", "classification loss")
	fl.StringVar(&f.compat, "compat", "textbook", "textbook, or clipcalib for the reference's own choices")
	fl.StringVar(&f.optim, "optimizer", "", "sgd (default) or adamw")
	fl.StringVar(&f.schedule, "schedule", "", "learning rate: warm-cosine (default: by epoch, the first one warming "+
		"up), cosine, step-cosine (by step) or constant")
	fl.IntVar(&f.shots, "shots", 16, "labelled pictures a class; a class with fewer gives all it has, 0 takes every "+
		"picture")
	fl.BoolVar(&f.repeat, "repeat", false, "draw with repetition from a class that has fewer pictures than shots")
	fl.IntVar(&f.views, "views", 0, "augmented views a picture; 0 is the method's default, -1 the plain picture alone")
	fl.Uint64Var(&f.train.Seed, "seed", 1, "seed of shots, views, batches and initial values")
	fl.IntVar(&f.train.Epochs, "epochs", 0, "0 is the method's: 300 for adapters")
	fl.Float64Var(&f.train.LR, "lr", 0, "learning rate; 0 is the method's: for adapters 0.1 with SGD, 0.001 with AdamW")
	fl.IntVar(&f.train.Batch, "batch", 0, "samples a step; 0 is the method's: 256 for adapters")
	fl.Float64Var(&f.train.WeightDecay, "weight-decay", 0, "weight decay; 0 is the method's: none for adapters; -1 is "+
		"none for prompts")
	fl.Float64Var(&f.train.Epsilon, "epsilon", 0, "of AdamW; 0 is 1e-8")
	fl.Float64Var(&f.train.LogitScale, "logit-scale", 0, "factor on the cosine; 0 is the model's, or 100 for features")
	f.prompts.add(fl)
}

func methodNames() []string { return named.Names(adapt.Methods()) }

// combinesHelp says how remedies combine.
const combinesHelp = `Remedies combine by +, in the order above: zs-norm+sals trains under ZS-Norm and
maps the trained model's logits too. A setting is that of the part which has it.
`

func remedyNames() []string { return named.Names(adapt.Remedies()) }
func lossNames() []string   { return named.Names(adapt.Losses()) }

func scheduleNames() (names []string) {
	for _, s := range adapt.Schedules() {
		names = append(names, string(s))
	}
	return names
}

// parse resolves the names on the command line.
func (f *adaptFlags) parse(method string) (o run.AdaptOptions, err error) {
	o = run.AdaptOptions{Out: f.out, Init: f.init}
	if o.Method, err = adapt.ParseMethod(method); err != nil {
		return o, usagef("unknown method %q; known are %s", method,
			strings.Join(append(methodNames(), promptNames()...), ", "))
	}
	if f.prompts != (promptFlags{}) {
		return o, usagef("--vectors, --context, --class-specific and --depth are for learned prompts, not for %s",
			method)
	}
	if o.Remedy, err = adapt.ParseRemedy(f.remedy); err != nil {
		return o, usageError{err}
	}
	if adapt.NeedsTexts(o.Remedy) {
		return o, usagef("--remedy %s is for learned prompts (%s), not for %s: there are no text features that training "+
			"changes", f.remedy, strings.Join(promptNames(), ", "), method)
	}
	o.Train = f.train
	if o.Train.Loss, err = adapt.ParseLoss(f.loss); err != nil {
		return o, usageError{err}
	}
	if err = set(f.set, owner("method", &o.Method), owner("remedy", &o.Remedy),
		owner("loss", &o.Train.Loss)); err != nil {
		return o, err
	}
	o.Train.Compat = adapt.Compat(f.compat)
	f.source.keepUnderscores = o.Train.Compat.KeepsUnderscores()
	if f.source.float16 && (o.Train.Compat != adapt.CLIPCalib || len(f.features) > 0) {
		return o, usagef("--float16-prototypes is for --compat clipcalib and for prototypes that are made here")
	}
	o.Train.Optimizer = adapt.Optimizer(f.optim)
	o.Train.Schedule = adapt.Schedule(f.schedule)
	if _, err := o.Train.Resolved(); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// adapt trains one run.
func (a *app) adapt(ctx context.Context, f adaptFlags, method string) error {
	if found := run.Below(f.out); found != "" {
		return usagef("--out %s: it is a folder of runs, such as %s: name a folder of its own for this one", f.out,
			found)
	}
	var from *adapt.Start
	if f.pins.record != "" {
		if err := checkOutputFolder(f.pins.record); err != nil {
			return err
		}
		f.train.Started = func(s adapt.Start) { from = &s }
	}
	p, err := f.choose(method)
	if err != nil {
		return err
	}
	s := &session{a: a}
	defer s.close()
	t, err := s.prepare(ctx, &f, p)
	if err != nil {
		return err
	}
	unit := "epochs"
	if p.prompts != nil {
		unit = "steps"
	}
	bar := a.progress(method, unit, 0)
	events := newEvents(f.tensorboard, filepath.Base(f.out))
	var loss float64
	into := trainInto{out: f.out, log: func(line string) { a.note("  %s", line) }}
	into.progress = func(s adapt.Progress) {
		for _, n := range s.Notes {
			a.note("%s", n)
		}
		loss = s.Loss
		events.progress(s)
		if p.prompts != nil {
			bar.Update(s.Epoch*s.Steps+s.Step, s.Epochs*s.Steps)
		} else {
			bar.Update(s.Epoch, s.Epochs)
		}
	}
	trained, err := t.run(ctx, into)
	if err := errors.Join(err, events.close()); err != nil {
		return err
	}
	bar.Done()
	if f.pins.record != "" {
		if !trained {
			return fmt.Errorf("--record %s: %s holds this run already, so nothing was trained that could be recorded: name "+
				"another --out", f.pins.record, f.out)
		}
		if err := s.learnt.write(f.pins.record, from); err != nil {
			return err
		}
		a.note("recorded what chance decided in %s", f.pins.record)
	}
	if f.tensorboard != "" && !trained {
		a.note("no curves for %s: nothing was trained", f.tensorboard)
	}
	return a.adapted(f.out, t.facts, trained, loss, t.record)
}

// adapted says what came of a training, and keeps the record of its shots, nil
// for one on features.
func (a *app) adapted(out string, facts run.ModelFacts, trained bool, loss float64, record *data.Record) error {
	if !trained {
		a.note("%s holds this run already", out)
	} else {
		a.note("final loss %.5g; wrote %s", loss, out)
	}
	type result struct {
		Run     string `json:"run"`
		Trained bool   `json:"trained"`
		run.ModelFacts
		Samples int           `json:"samples,omitempty"`
		Skipped *data.Skipped `json:"skipped,omitempty"`
		Doubts  []string      `json:"doubts,omitempty"`
	}
	r := result{Run: out, Trained: trained, ModelFacts: facts}
	var left account
	if record != nil {
		if err := keepShots(record, out); err != nil {
			return err
		}
		skipped := record.Account.Skipped()
		r.Samples, r.Skipped, r.Doubts = len(record.Rows), &skipped, record.Doubts
		left.add(a, record.Set, record.Account)
	}
	var err error
	if a.json {
		err = a.printJSON(r)
	}
	return errors.Join(err, left.end())
}
