package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/data"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/study"

	"github.com/spf13/cobra"
)

// studyFlags are the inputs of the study command.
type studyFlags struct {
	source paperSource // of it root, logits and changes are not used
	write  string
	seeds  []int
	slow   int
	images int
	draws  int
	bins   int
	only   []string
	asIs   bool
	own    ownTask
}

// ownTask is a user's task in place of the shipped ones.
type ownTask struct {
	weights, data string
	targets       []string
	templates     []string
	shots         int
}

func studyCommand(a *app) *cobra.Command {
	var f studyFlags
	c := &cobra.Command{
		Use:   "study --out DIR [--write PAGE]",
		Short: "The remedies and their rivals under one protocol, with intervals",
		Long: `Runs every method under every remedy and rival on the pictures and the model that
ship with clipcalib, at home, on new classes and under drift, and says what is found:
each remedy against none with a paired interval, the number of comparisons being
counted (Benjamini-Hochberg), whether SaLS behind a training-time remedy helps, and
how well a remedy is chosen without test labels. Whatever is fitted or chosen is so
on the validation fold of the source. What lacks pictures of its data set, and rows of
other samples than those they are compared with, are refused by name.

Before it starts it says how many runs there are and how long they take; --dry-run
stops there. What is below --out already is kept, what was interrupted goes on, and
what fails is listed and stops nothing else. --only takes words, parted by commas:
tasks, families (` + strings.Join(study.Families, ", ") + `), methods and remedies.

--weights, --data and --targets study a task of one's own: a data set with parts
train, val and test, and data sets of its classes where pictures drift.

--write writes the page, and its figures as CSV into a folder of the page's name
beside it.`,
		Example: "  clipcalib study --out study --dry-run\n  clipcalib study --out study --write docs/STUDY.md\n" +
			"  clipcalib study --out study --only emoji,adapters,taskres --seeds 3,1,1",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.source.flags = c.Flags()
			return a.study(c.Context(), f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.source.out, "out", "", "folder of the runs and results")
	fl.StringVar(&f.source.bank, "bank", "", "folder of the feature bank (default: the user's cache folder)")
	fl.BoolVar(&f.source.dry, "dry-run", false, "say what there is to do, and stop")
	fl.BoolVar(&f.asIs, "as-is", false, "run nothing: make results and page of the runs that are finished, and "+
		"say how many are not")
	fl.StringVar(&f.write, "write", "", "file of the page, in Markdown; its figures go into a folder beside it")
	fl.IntSliceVar(&f.seeds, "seeds", []int{10, 5, 3}, "number of seeds of adapters, prompts and test-time tuning; 0 "+
		"leaves the family out")
	fl.IntVar(&f.slow, "slow-seeds", -1, "number of seeds of cocoop and promptsrc; -1 is that of prompts")
	fl.IntVar(&f.images, "images", 50, "pictures of every shipped data set for test-time tuning")
	fl.IntVar(&f.draws, "draws", 300, "bootstrap draws of a comparison")
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE")
	fl.StringSliceVar(&f.only, "only", nil, "tasks, families, methods and remedies to do")
	fl.StringVar(&f.own.weights, "weights", "", "checkpoint, for a task of one's own")
	fl.StringVar(&f.own.data, "data", "", "data set that is learnt from, with parts train, val and test")
	fl.StringSliceVar(&f.own.targets, "targets", nil, "data sets of its classes where pictures drift")
	fl.StringArrayVar(&f.own.templates, "template", nil, `zero-shot prompt with "{}" (default "a photo of a {}."); `+
		"repeat for more")
	fl.IntVar(&f.own.shots, "shots", 16, "labelled pictures a class, for a task of one's own")
	f.source.model.add(c)
	a.addJobs(c)
	return c
}

func (f studyFlags) check() error {
	switch {
	case f.source.out == "":
		return usagef("study: name the folder of the runs with --out")
	case len(f.seeds) != 3 || slices.Min(f.seeds) < 0 || slices.Max(f.seeds) < 1:
		return usagef("--seeds wants three numbers, of adapters, prompts and test-time tuning, such as 10,5,3")
	case f.images < 1 || f.bins < 1:
		return usagef("--images and --bins want at least 1")
	case (f.own.data == "") != (f.own.weights == ""):
		return usagef("--weights and --data go together: a task of one's own has both")
	case f.own.data == "" && len(f.own.targets)+len(f.own.templates) > 0:
		return usagef("--targets and --template are for a task of one's own: name it with --weights and --data")
	case f.own.data != "" && len(f.own.targets) == 0:
		return usagef("--targets is missing: name data sets of the same classes where pictures drift")
	}
	return nil
}

// options are the size of the study.
func (f studyFlags) options(weights string) study.Options {
	slow := f.slow
	if slow < 0 {
		slow = f.seeds[1]
	}
	o := study.Options{Weights: weights, Seeds: map[string]int{}, Slow: slow, Only: f.only}
	for i, family := range study.Families {
		o.Seeds[family] = f.seeds[i]
	}
	return o
}

func (a *app) study(ctx context.Context, f studyFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	if err := checkOutputFolder(f.source.out); err != nil {
		return err
	}
	if f.write != "" {
		if err := checkOutputFile(f.write); err != nil {
			return err
		}
	}
	if f.source.out, err = filepath.Abs(f.source.out); err != nil {
		return err
	}
	tasks, model, err := a.studyTasks(f)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range tasks {
		names = append(names, t.Name)
	}
	known := study.Words(names)
	for _, w := range f.only {
		if !slices.Contains(known, w) {
			return usagef("--only %s: known are %s", w, strings.Join(known, ", "))
		}
	}
	var steps []study.Step
	for _, t := range tasks {
		if !slices.ContainsFunc(f.only, func(w string) bool { return slices.Contains(names, w) }) ||
			slices.Contains(f.only, t.Name) {
			steps = append(steps, t.Steps(f.options(model.path))...)
		}
	}
	if err := a.showStudy(steps, f); err != nil || f.source.dry {
		return err
	}
	if len(steps) == 0 {
		return usagef("study: nothing is left to do: see --only and --seeds")
	}
	found := studyFound{}
	for i, s := range steps {
		a.note("%d of %d: %s", i+1, len(steps), s.Recipe.ID)
		if err := a.studyStep(ctx, f, s, &found); err != nil {
			return err
		}
	}
	if len(found.runs) == 0 {
		return errors.Join(found.end(), fmt.Errorf("study: there is no finished run below %s", f.source.out))
	}
	if f.asIs {
		wanted := 0
		for _, s := range steps {
			wanted += len(s.Recipe.Cells())
		}
		if missing := wanted - len(found.runs); missing > 0 {
			found.facts = append(found.facts, study.Fact{Name: "not run",
				Value: fmt.Sprintf("%d of %d runs; their rows are "+"missing or have fewer seeds", missing, wanted)})
		}
	}
	if found.failed > 0 {
		found.facts = append(found.facts, study.Fact{Name: "failed", Value: fmt.Sprintf("%d of %d runs, whose rows "+
			"are not here", found.failed, found.cells)})
	}
	results, err := study.Gather(ctx, found.runs, f.bins, calib.BootstrapOptions{Draws: f.draws}, func(what string) {
		a.note("measure %s", what)
	})
	if err != nil {
		return err
	}
	facts := slices.Concat(model.facts, []study.Fact{{Name: "bins of ECE", Value: fmt.Sprint(f.bins)},
		{Name: "bootstrap draws", Value: fmt.Sprint(f.draws)}}, taskFacts(tasks, f), found.facts)
	if err := a.writeStudy(study.Study{Facts: facts, Results: results}, f); err != nil {
		return err
	}
	return found.end()
}

// taskFacts say what the tasks are.
func taskFacts(tasks []study.Task, f studyFlags) (facts []study.Fact) {
	for _, t := range tasks {
		var drifts []string
		for _, d := range t.Drifts {
			drifts = append(drifts, data.NameOf(d))
		}
		facts = append(facts, study.Fact{Name: "task " + t.Name, Value: fmt.Sprintf("%s: %d shots of %s, drift to %s",
			t.Title, t.Shots, data.NameOf(t.Source), strings.Join(drifts, ", "))})
	}
	if f.own.data == "" {
		facts = append(facts, study.Fact{Name: "pictures for test-time tuning", Value: fmt.Sprintf("%d of every set, "+
			"and of the drifted sets the first and the last named", f.images)})
	}
	return facts
}

// writeStudy writes the results below the study's folder, and where the page is
// wanted; the page is made from what was written.
func (a *app) writeStudy(s study.Study, f studyFlags) error {
	pages := []string{filepath.Join(f.source.out, "STUDY.md")}
	if f.write != "" {
		pages = append(pages, f.write)
	}
	for _, page := range pages {
		dir := strings.ToLower(strings.TrimSuffix(page, filepath.Ext(page)))
		dir = filepath.Join(filepath.Dir(page), filepath.Base(dir))
		if err := s.Write(dir); err != nil {
			return err
		}
		written, err := study.Read(dir)
		if err != nil {
			return err
		}
		if err := atomicfile.WriteBytes(page, []byte(written.Page())); err != nil {
			return err
		}
		a.note("wrote %s, and its figures to %s", page, dir)
	}
	if a.json {
		return a.printJSON(s)
	}
	fmt.Fprint(a.out, s.Summary())
	return nil
}

// studyFound is what came of the steps.
type studyFound struct {
	runs   []study.Run
	facts  []study.Fact
	cells  int
	failed int
	worst  int
	left   bool
}

func (f *studyFound) end() error {
	switch {
	case f.failed > 0:
		return cellsFailed{f.failed, f.cells, f.worst}
	case f.left:
		return exitcode.LeftOut{What: "done, but some pictures could not be read (named above) and are left out"}
	}
	return nil
}
