package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/report"
	"clipcalib/internal/run"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

// evalFlags are the inputs of the eval command.
type evalFlags struct {
	source   sourceFlags
	features []string
	data     []string
	out      string
	remedy   string
	method   string   // of an adapter's checkpoint
	set      []string // constants of that
	bins     int
	protocol string

	neighbours int
}

func evalCommand(a *app) *cobra.Command {
	var f evalFlags
	c := &cobra.Command{
		Use:   "eval RUN... (--data TARGET... | --features F...)",
		Short: "Accuracy and calibration of a run on targets; logits are kept",
		Long: `Classifies targets with what a run trained and writes logits, zero-shot logits,
labels and metrics below RUN/targets, or to --out for features. An evaluation
that exists is not repeated. A target's folder bears the name of its data set; of
two sets of one name, the later one has the start of its hash behind it.

A target of an adapter may hold some of the run's classes, in any order: they are
matched by folder and name, then by name, then in Unicode's form NFC, then
without case, each only where it is certain. Learned prompts are put before the
names of the target's classes, whatever they are.

Several runs, or a folder of runs, are evaluated one after the other. With --data,
further arguments that are no runs are targets. A run says itself which weights,
activation and heads it is for; the flags go before it.

Beside the logits, rows.csv says which picture each row is of, and left_out.csv
what was left out and why.

In place of RUN, a checkpoint of another implementation may be named: learned
prompts of CoOp, CoCoOp, MaPLe or PromptSRC, adapters of CLIPCalib, CLAP, TaskRes
and CLIP-Adapter (model.pth.tar-50 as Dassl saves them), or the keys of
Tip-Adapter (keys_16shots.pt, best_F_16shots.pt, with values_16shots.pt beside).
With --weights, it is made a run in --out, under --remedy if one is given; its
classes are those of the first target. An adapter takes --features too. --method
says how an adapter was trained, which the files of CLIPCalib and CLAP leave open
between taskres, zslp and clap, and --set a constant that the file does not keep.

--remedy dac is for learned prompts on classes other than those of the training:
each sample's logits are scaled by how far tuning has moved the text feature of
the predicted class from those of the training's classes. The results have a
folder of their own, TARGET-dac, with the text features that clipcalib calibrate
takes.`,
		Example: `  clipcalib eval runs/imagenet-taskres --data imagenetv2/ imagenet-sketch/
  clipcalib eval runs/fa --features target.safetensors --out out/
  clipcalib eval model.pth.tar-50 --weights ViT-B-16.pt --data dtd/ --remedy sals --out runs/their-coop
  clipcalib eval model.pth.tar-300 --method taskres --weights RN50.pt --data imagenet/ imagenet-a/ --out runs/theirs
  clipcalib eval best_F_16shots.pt --set alpha=1.17 --weights RN50.pt --data pets/ --out runs/their-tip
  clipcalib eval runs/pets-coop --data dtd/ --remedy dac`,
		RunE: func(c *cobra.Command, args []string) error {
			runs, targets, err := splitRuns(args, len(f.data) > 0)
			if err != nil {
				return err
			}
			f.data = append(f.data, targets...)
			if err := f.mode(runs).check(c); err != nil {
				return err
			}
			if f.protocol != "" {
				if len(f.data) == 0 {
					return usagef("eval: --protocol wants the source: name it with --data, and further sets behind it")
				}
				if f.data, err = protocolTargets(f.protocol, f.data[0], f.data[1:]); err != nil {
					return err
				}
				return a.evalMany(c.Context(), f, runs)
			}
			if len(runs) == 1 {
				return a.eval(c.Context(), f, runs[0])
			}
			return a.evalMany(c.Context(), f, runs)
		},
	}
	f.source.add(c)
	f.source.addTruncate(c)
	fl := c.Flags()
	fl.StringArrayVar(&f.data, "data", nil, "target data sets, their test part where they have parts")
	fl.StringArrayVar(&f.features, "features", nil, "feature file in place of --data; repeat for a second file")
	fl.StringVar(&f.out, "out", "", "folder of the logits, for --features; of the run, for a checkpoint")
	fl.StringVar(&f.remedy, "remedy", "", "none or sals, for a checkpoint; a run has its own; dac, for learned prompts "+
		"without one")
	fl.StringVar(&f.method, "method", "", "how a checkpoint's adapter was trained: "+strings.Join(methodNames(), ", "))
	completes(c, "method", methodNames()...)
	fl.StringArrayVar(&f.set, "set", nil, "constant of a checkpoint's adapter, name=value, as for adapt; repeat for more")
	completes(c, "remedy", "none", "sals", run.RemedyDAC)
	fl.IntVar(&f.neighbours, "neighbours", calib.DefaultNeighbours,
		"nearest classes of the training that a class is compared with (for dac)")
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE")
	addProtocol(fl, &f.protocol)
	completes(c, "protocol", baseToNew, crossDataset)
	return c
}

// mode says which flags the evaluation has a use for.
func (f evalFlags) mode(runs []string) mode {
	m := mode{uses: []string{"data", "features", "bins", "remedy", "protocol"}}
	if f.remedy == run.RemedyDAC {
		m.uses = append(m.uses, "neighbours")
	}
	of := "for a run, which has its own"
	checkpoint := len(runs) == 1 && isCheckpoint(runs[0])
	switch {
	case checkpoint:
		of = "for a checkpoint"
		m.uses = append(m.uses, "out", "method", "set")
	case len(f.features) > 0:
		m.uses = append(m.uses, "out")
	}
	switch {
	case f.neighbours != calib.DefaultNeighbours && f.remedy != run.RemedyDAC:
		m.says = "without --remedy dac"
	case len(f.features) > 0:
		m.says = "with --features: " + of
	case len(runs) > 1:
		m.says = "for several runs: their results go below each, and each has its own settings"
	case checkpoint:
		m.says = of
	default:
		m.says = of + "; with --data, not --features, results go below " + filepath.Join(runs[0], "targets")
	}
	if len(f.features) == 0 {
		m.uses = append(m.uses, sourceNames()...)
	}
	return m
}

func (a *app) eval(ctx context.Context, f evalFlags, dir string) error {
	o := run.EvalOptions{Run: dir, Bins: calib.Options{Bins: f.bins},
		Log: func(line string) { fmt.Fprintf(a.err, "eval: %s\n", line) }}
	if f.bins < 1 {
		return usagef("--bins wants at least 1")
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("eval %s: no run here, there is no such file or folder: name a run's folder, or a "+
			"checkpoint", dir)
	}
	checkpoint := isCheckpoint(dir)
	if f.remedy == run.RemedyDAC {
		if f.neighbours < 1 {
			return usagef("--neighbours wants at least 1")
		}
		o.DAC = &run.DAC{Neighbours: f.neighbours}
		f.remedy = ""
	}
	switch {
	case len(f.features) > 0 && len(f.data) > 0:
		return usagef("eval: name either --features or --data, not both")
	case !checkpoint && (f.method != "" || len(f.set) > 0):
		return usagef("eval: --method and --set are for a checkpoint; the run %s has its own", dir)
	case f.remedy != "" && !checkpoint:
		return usagef("eval: --remedy %s is for a checkpoint; the run %s has its own (dac may be used on one "+
			"without)", f.remedy, dir)
	case checkpoint && len(f.data)+len(f.features) > 0:
		if err := a.importCheckpoint(ctx, f, dir); err != nil {
			return err
		}
		dir, f.out = f.out, ""
		o.Run = dir
		if len(f.data) > 0 {
			return a.evalData(ctx, f, o)
		}
	}
	switch {
	case len(f.features) > 0:
		d, err := a.openDevice()
		if err != nil {
			return err
		}
		o.Features, o.Out, o.Device = f.features, f.out, d
		if o.Out == "" {
			o.Name = strings.TrimSuffix(filepath.Base(f.features[0]), filepath.Ext(f.features[0]))
		}
		res, err := run.Eval(ctx, o)
		if err != nil {
			return err
		}
		if f.out == "" {
			a.noteTarget(o.Name, res.Dir)
		}
		return a.printResults(dir, []run.Result{res}, []string{filepath.Base(f.features[0])}, nil)
	case len(f.data) > 0 && f.out != "":
		return usagef("eval: --out is for --features; with --data the logits go below %s", filepath.Join(dir,
			"targets"))
	case len(f.data) > 0:
		return a.evalData(ctx, f, o)
	}
	return usagef("eval: --data TARGET or --features FILE is missing")
}

// evalData evaluates a run on data sets.
func (a *app) evalData(ctx context.Context, f evalFlags, o run.EvalOptions) error {
	if err := a.modelOf(o.Run, &f.source); err != nil {
		return err
	}
	sets, err := a.targets(f)
	if err != nil {
		return err
	}
	src, err := a.openSource(f.source)
	if err != nil {
		return err
	}
	defer src.Model.Close()
	m, err := a.evalRun(ctx, src, sets, f, o)
	if err != nil {
		return err
	}
	return a.printResults(o.Run, m.results, m.names, m.records)
}

// modelOf fills in what the run says of its model and the flags do not.
func (a *app) modelOf(dir string, s *sourceFlags) error {
	recipe, err := readRecipe(dir)
	if err != nil {
		return err
	}
	if recipe.Inputs.WeightsSHA256 == "" {
		return fmt.Errorf("eval %s: the run was trained on feature files, so its model is not known: use --features",
			dir)
	}
	m, err := run.ReadModel(dir)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	if s.weights == "" {
		if s.weights, err = m.FindWeights(dir); err != nil {
			return fmt.Errorf("eval: %w", err)
		}
	}
	s.model.asIn(m)
	s.truncate = s.truncate || m.Truncate
	s.keepUnderscores = adapt.Compat(recipe.Compat).KeepsUnderscores()
	s.float16 = recipe.Inputs.Float16
	return nil
}

// readRecipe reads the recipe of a run that may be evaluated.
func readRecipe(dir string) (run.Recipe, error) {
	recipe, err := run.ReadRecipe(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return recipe, fmt.Errorf("eval %s: no run here (recipe.yaml is missing)", dir)
	case err != nil:
		return recipe, fmt.Errorf("eval %s: %w", dir, err)
	case recipe.Family == run.FamilyTestTime:
		return recipe, usagef("eval %s: it is a run of test-time tuning, which has no parameters to evaluate: "+
			"for another target use clipcalib tta %s --remedy %s --data TARGET --out %s with the run's other flags; "+
			"its results are in %s", dir, recipe.Method, recipe.Remedy, dir, filepath.Join(dir, "targets"))
	}
	return recipe, nil
}

// printResults shows accuracy and calibration per target, and says what was left
// out of each; records may be nil.
func (a *app) printResults(dir string, results []run.Result, names []string, records []*data.Record) error {
	var left account
	for i, r := range records {
		left.add(a, names[i], r.Account)
	}
	return errors.Join(a.showResults(dir, results, names, records), left.end())
}

func (a *app) showResults(dir string, results []run.Result, names []string, records []*data.Record) error {
	if a.json {
		type row struct {
			Run    string `json:"run"`
			Target string `json:"target"`
			Dir    string `json:"dir"`
			Method string `json:"method"`
			Remedy string `json:"remedy"`
			run.ModelFacts
			Metrics  calib.Metrics `json:"metrics"`
			ZeroShot calib.Metrics `json:"zero_shot"`
			Samples  int           `json:"samples"`
			Classes  int           `json:"classes"`
			Skipped  data.Skipped  `json:"skipped"`
			Doubts   []string      `json:"doubts,omitempty"`
		}
		var rows []row
		for i, r := range results {
			one := row{
				Run: dir, Target: names[i], Dir: r.Dir, Method: r.Target.Method, Remedy: r.Target.Remedy,
				ModelFacts: r.Target.Inputs.Model, Metrics: r.Metrics, ZeroShot: r.ZeroShot, Samples: r.Target.Samples,
				Classes: r.Target.NumberOfClasses,
			}
			if records != nil {
				one.Skipped, one.Doubts = records[i].Account.Skipped(), records[i].Doubts
			}
			rows = append(rows, one)
		}
		return a.printJSON(rows)
	}
	recipe, err := run.ReadRecipe(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	var targets []run.Target
	for _, r := range results {
		targets = append(targets, r.Target)
	}
	source := table.Sources(recipe.Inputs.Data, targets)
	var runs []report.Run
	shown := map[string]bool{}
	for i, r := range results {
		// A set named twice is one evaluation, and a table has one cell for it.
		if shown[r.Dir] {
			a.note("%s is named twice and shown once", names[i])
			continue
		}
		shown[r.Dir] = true
		runs = append(runs,
			report.Run{Method: report.ZeroShot, Target: names[i], Source: source[i], Metrics: r.ZeroShot},
			report.Run{Method: r.Target.Method, Remedy: r.Target.Remedy, Target: names[i], Source: source[i],
				Metrics: r.Metrics})
	}
	return a.printTable(report.ResultsTable(runs))
}
