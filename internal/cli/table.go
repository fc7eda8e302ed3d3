package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/named"
	"clipcalib/internal/paper"
	"clipcalib/internal/recipe"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func tableCommand(a *app) *cobra.Command {
	var s paperSource
	var format string
	c := &cobra.Command{
		Use: "table " + strings.Join(named.Names(recipe.Tables()), "|") +
			" (--root DATA --weights W... --out DIR | --logits DIR)",
		Short: "A table of the paper: ours, the paper's, and the difference",
		Long: `Runs what a table of the paper needs and puts the results beside the paper's
figures: accuracy, and ECE at 10 bins as the paper has it and at 15 and 20. What
is below --out already is kept, what was interrupted goes on, and what fails is
listed and stops nothing else. Before it starts it says how many runs there are,
pictures, expected time and memory, and what is missing of data and weights and
which rows that costs; --dry-run stops there. With cells missing it ends with exit
code 3, with runs that failed with 1 or 75.

--root is the folder of the data sets, in CoOp's, TPT's or TTABC's layout or as
parquet files or tar archives. --weights names the checkpoints of RN50 and
ViT-B/16, in any order; RN50=FILE for one that does not show what it is. --only
takes words, parted by commas: models, methods, rows, remedies and sets. --with
and --set change all recipes that have such a flag or constant: the rows are then
no longer the paper's, and a note says so.

With --logits no model is run: the table is made of saved logits (.npy, .npz,
.pt, .csv, .safetensors, .parquet), named by index.csv in the folder or lying as
the paper's code writes them, or of runs below the folder, such as what collect
gathered of a plan (see docs/TABLES.md). SaLS rows are made from the
zero-shot logits where there are none of their own.

--post-hoc and --calibrator add rows under scalers, as TaskRes + temperature: fitted
on the result's own fold, never on what is measured. --sets and --coverage add columns
of conformal sets, calibrated on that fold: coverage, size, class gap; with --splits on
half of what is measured, drawn so often. The fold is the validation fold of the set
that is learnt from, or else measured (with --root it is evaluated too, and a set
without one is refused by name), or the columns fit_logits, fit_labels and
fit_zero_shot of index.csv. ss-text and full want features, in index.csv.

The table goes to standard output in --format, and with --out also to
DIR/TABLE.md, .tex, .csv, .json and .html.`,
		Example: "  clipcalib table adapters --root data --weights RN50.pt --weights ViT-B-16.pt --out paper --dry-run\n" +
			"  clipcalib table tta --root data --weights RN50.pt --out paper --only RN50,tpt,EuroSAT\n" +
			"  clipcalib table prompts --logits their-logits --format latex",
		Args:              exactly("TABLE"),
		ValidArgsFunction: completeFirst(named.Names(recipe.Tables())),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := recipe.FindTable(args[0])
			if err != nil {
				return usageError{err}
			}
			if !slices.Contains(paper.Formats, format) {
				return usagef("--format %s: choose %s", format, strings.Join(paper.Formats, ", "))
			}
			if err := s.check(true); err != nil {
				return err
			}
			if s.logits != "" && a.jobs > 0 {
				return usagef("--jobs is for --root: nothing is trained with --logits")
			}
			p, err := s.scalers.open()
			if err != nil {
				return err
			}
			if err := s.sets.check(); err != nil {
				return err
			}
			if a := s.sets.asked(); a != nil && s.logits == "" && slices.ContainsFunc(a.Kinds, byFeatures) {
				return usagef("--sets %s: ss-text and full want features, which runs of --root keep none of: name "+
					"them in index.csv of --logits", strings.Join(a.Kinds, ","))
			}
			t = scalerRows(t, p)
			return a.table(c.Context(), t, s, format)
		},
	}
	s.add(c, "out", "folder of the runs and of the table")
	s.scalers.add(c)
	s.sets.add(c, "a result has a fold of its own")
	s.sets.addSplits(c)
	c.Flags().StringVar(&format, "format", "text", "of standard output: "+strings.Join(paper.Formats, ", "))
	a.addJobs(c)
	completes(c, "format", paper.Formats...)
	return c
}

// table makes a table.
func (a *app) table(ctx context.Context, t recipe.Table, s paperSource, format string) error {
	found, err := a.paperResults(ctx, t, s)
	if err != nil || found == nil {
		return err
	}
	sheet, err := paper.MakeWithSets(t, found.asked, found.measured, found.absent, found.notes...)
	if err != nil {
		return err
	}
	if s.out != "" {
		files, err := sheet.WriteAll(s.out)
		if err != nil {
			return err
		}
		a.note("wrote %s and the like in .tex, .csv, .json and .html", files[0])
	}
	if a.json {
		format = "json"
	}
	if format == "csv" { // which has no place for them
		for _, n := range found.notes {
			a.note("note: %s", n)
		}
	}
	if err := sheet.Write(a.out, format, a.columns()); err != nil {
		return err
	}
	return found.end()
}

// paperSource says where the results of a table or figure come from.
type paperSource struct {
	root    string
	weights []string
	out     string
	bank    string
	logits  string
	only    []string
	dry     bool
	changes recipeChanges
	scalers postHocFlags
	sets    setFlags
	model   modelFlags // of what a checkpoint does not say of itself
	flags   *pflag.FlagSet
}

// modelArgs are the flags of modelFlags that were given, for other commands.
func (s *paperSource) modelArgs() (args []string) {
	names := &cobra.Command{}
	new(modelFlags).add(names)
	names.Flags().VisitAll(func(f *pflag.Flag) {
		if given := s.flags.Lookup(f.Name); given != nil && given.Changed {
			args = append(args, "--"+f.Name+"="+given.Value.String())
		}
	})
	return args
}

func (s *paperSource) add(c *cobra.Command, out, usage string) {
	f := c.Flags()
	f.StringVar(&s.root, "root", "", "folder of the data sets")
	f.StringArrayVar(&s.weights, "weights", nil, "checkpoint, or MODEL=FILE; repeat for more")
	f.StringVar(&s.out, out, "", usage)
	f.StringVar(&s.bank, "bank", "", "folder of the feature bank (default: the user's cache folder)")
	f.StringVar(&s.logits, "logits", "", "folder of saved logits, in place of --root and --weights")
	f.StringSliceVar(&s.only, "only", nil, "rows and sets to do: models, methods, rows, remedies, sets")
	f.BoolVar(&s.dry, "dry-run", false, "say what there is to do, and stop")
	s.changes.add(c)
	s.model.add(c)
	s.flags = f
}

func (s *paperSource) check(table bool) error {
	out := "--out"
	if !table {
		out = "--runs"
	}
	switch {
	case s.logits != "" && (s.root != "" || len(s.weights) > 0 || s.dry || len(s.changes.with)+len(s.changes.set) > 0):
		return usagef("--logits is of results that are there: leave out --root, --weights, --dry-run, --with and --set")
	case s.logits != "":
	case s.root == "":
		return usagef("--root is missing: name the folder of the data sets, or saved logits with --logits")
	case s.out == "" && !s.dry:
		return usagef("%s is missing: name the folder of the runs", out)
	}
	return nil
}

// paperFound is what is there of a table.
type paperFound struct {
	measured []paper.Measured
	absent   []paper.Absent
	notes    []string
	failed   int // cells
	worst    int // exit code
	leftOut  bool
	lacking  int // cells without data or weights, or without saved logits
	cells    int
	shapes   map[string]savedShape // of saved logits, by set
	scalers  table.PostHoc
	asked    *paper.Asked // conformal sets, nil for none
}

// end is the error that the command ends with.
func (f *paperFound) end() error {
	switch {
	case f.failed > 0:
		return tableFailed{f.failed, f.worst}
	case f.lacking > 0:
		return exitcode.LeftOut{What: fmt.Sprintf("done, but %d of %d cells have no data, weights or saved logits "+
			"(said above): --only chooses among them", f.lacking, f.cells)}
	case f.leftOut:
		return exitcode.LeftOut{What: "done, but some pictures could not be read (named above) and are left out"}
	}
	return nil
}

// tableFailed is the error of a table of which some cells failed.
type tableFailed struct{ failed, code int }

func (e tableFailed) Error() string {
	return fmt.Sprintf("%d runs failed (listed above); the others are done, and the same command keeps them", e.failed)
}

// ExitCode is the worst of the runs'.
func (e tableFailed) ExitCode() int { return e.code }

// paperResults finds or makes the results of a table; nil after a dry run.
func (a *app) paperResults(ctx context.Context, t recipe.Table, s paperSource) (*paperFound, error) {
	if s.logits != "" {
		return a.savedLogits(ctx, t, s)
	}
	work, err := a.paperWork(t, s)
	if err != nil {
		return nil, err
	}
	if err := a.showWork(ctx, work, s.dry); err != nil || s.dry {
		return nil, err
	}
	if len(work.jobs) == 0 {
		return nil, fmt.Errorf("table %s: nothing can be run: none of %d cells has its data and weights (said above)",
			t.ID,
			work.cells)
	}
	return a.doWork(ctx, work)
}

// writeRecipe keeps a resolved recipe beside its runs.
func writeRecipe(dir string, r recipe.Recipe) (string, error) {
	path := filepath.Join(dir, "recipes", r.ID+".yaml")
	return path, atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(r.YAML())
		return err
	})
}
