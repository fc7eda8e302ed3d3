package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"clipcalib"
	"clipcalib/calib"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/imageio"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

// runFlags say how a run is opened.
type runFlags struct {
	weights string
	classes string
	batch   imageBatch

	coverage           float64
	calibration, score string
	given              *pflag.FlagSet
}

// coverageHelp says what --coverage gives, and what it does not.
const coverageHelp = `With --coverage C every picture gets a set of classes that holds the right one
with probability C, by split conformal prediction. That rests on pictures drawn as
those of the calibration fold: the run's evaluation on the validation fold of its
own data (clipcalib eval RUN --data SOURCE#val), or the evaluation that
--calibration names, of pictures the run did not learn from. Under drift it does
not hold; a picture that drifts, or is one of the fold, gets its set without that
promise. A fold too small for C is refused.`

func (f *runFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.weights, "weights", "", "the run's checkpoint, where it is not where it was")
	fl.StringVar(&f.classes, "classes", "",
		"file of class names, one a line, for learned prompts and test-time tuning (default: the run's)")
	fl.Var(&f.batch, "batch-images", imageBatchUsage)
	fl.Float64Var(&f.coverage, "coverage", 0, "sets of classes that hold the right one with this probability, as 0.9")
	fl.StringVar(&f.calibration, "calibration", "", "evaluation of this run that --coverage is calibrated on (default: "+
		"that on its validation fold)")
	fl.StringVar(&f.score, "score", "", "of --coverage: lac (default; the smallest sets), aps or raps")
	completes(c, "score", calib.ConformalScores()...)
	f.given = c.Flags()
}

// check refuses flags that make no sense, before anything is opened.
func (f runFlags) check() error {
	switch {
	case f.coverage == 0 && f.given.Changed("coverage"), f.coverage < 0, f.coverage >= 1, math.IsNaN(f.coverage):
		return usagef("--coverage %g: want a share between 0 and 1, both excluded, as 0.9", f.coverage)
	case f.coverage == 0 && (f.calibration != "" || f.score != ""):
		return usagef("--calibration and --score are for --coverage, which is not given")
	case f.score != "" && !slices.Contains(calib.ConformalScores(), f.score):
		return usagef("--score %s: choose %s", f.score, strings.Join(calib.ConformalScores(), ", "))
	}
	return nil
}

// openRun opens a run on the device that the flags name. The caller closes it.
func (a *app) openRun(dir string, f runFlags) (*clipcalib.Run, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	d, err := a.openDevice()
	if err != nil {
		return nil, err
	}
	o := clipcalib.RunOptions{Weights: f.weights, Device: d, Batch: int(f.batch), Coverage: f.coverage,
		Calibration: f.calibration, Score: f.score}
	if f.classes != "" {
		file, err := os.Open(f.classes)
		if err != nil {
			return nil, fmt.Errorf("--classes: %w", err)
		}
		defer file.Close()
		if o.Classes, err = lines(file); err != nil {
			return nil, fmt.Errorf("--classes %s: %w", f.classes, err)
		}
		if len(o.Classes) == 0 {
			return nil, fmt.Errorf("--classes %s: no names", f.classes)
		}
	}
	r, err := clipcalib.OpenRun(dir, o)
	if err != nil {
		return nil, err
	}
	i := r.Info()
	a.note("%s with remedy %s, %d classes; %s; %s", i.Method, i.Remedy, len(i.Classes), i.Architecture, i.Device)
	a.note("drift: %s", i.Drift)
	if i.Coverage != nil {
		a.note("%s", i.Coverage.Note)
	}
	return r, nil
}

type predictFlags struct {
	run runFlags
	top int
	csv bool
}

func predictCommand(a *app) *cobra.Command {
	var f predictFlags
	c := &cobra.Command{
		Use:   "predict RUN PICTURE...",
		Short: "What is in pictures, by a run, with confidence and drift; no labels needed",
		Long: `Classifies pictures with what a run of any family trained. PICTURE is a file, a
folder (every .jpg, .jpeg, .png, .webp and .gif below it), a list of paths, one a
line, as LIST.txt or @LIST, or "-" for such a list on standard input. Paths in
lists start from the current folder.

A line a picture: its path, then the likeliest classes with their probability
after the run's remedy. A picture whose adapted logits spread otherwise over the
classes than those of the run's validation fold (or, without an evaluation there,
of its training pictures) is marked: its confidence deserves doubt. A last note
says whether the pictures together are so beyond chance. Not every drift shows in
this (docs/RESULTS.md).

A picture that cannot be read is named and left out, and the exit code is 3.

` + coverageHelp,
		Example: `  clipcalib predict runs/pets-taskres cat.jpg photos/ --top 3
  find . -name '*.png' | clipcalib predict runs/pets-coop - --csv > out.csv`,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("predict: RUN is missing; see: clipcalib predict --help")
			case len(args) == 1:
				return usagef("predict: PICTURE is missing; see: clipcalib predict --help")
			case f.top < 1:
				return usagef("--top wants at least 1")
			case f.csv && a.json:
				return usagef("predict: name either --csv or --json")
			}
			return a.predict(c.Context(), f, args[0], args[1:], c.InOrStdin())
		},
	}
	f.run.add(c)
	c.Flags().IntVar(&f.top, "top", 1, "classes to show, the likeliest first")
	c.Flags().BoolVar(&f.csv, "csv", false, "comma-separated values, a row a picture and class")
	return c
}

// predictAtOnce is the number of pictures prepared and predicted together.
const predictAtOnce = 256

func (a *app) predict(ctx context.Context, f predictFlags, dir string, args []string, stdin io.Reader) error {
	paths, err := picturePaths(args, stdin)
	if err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	r, err := a.openRun(dir, f.run)
	if err != nil {
		return err
	}
	defer r.Close()
	out := a.predictionWriter(f, r.Info().Coverage)
	p := a.progress("predict", "pictures", len(paths))
	var all clipcalib.Predictions
	var unreadable []unreadable
	for part := range slices.Chunk(paths, predictAtOnce) {
		prepared, bad, err := prepareAll(ctx, r, part)
		if err != nil {
			return err
		}
		for _, b := range bad {
			fmt.Fprintf(a.err, "skipped: %s: %s\n", b.Picture, b.Error)
		}
		unreadable = append(unreadable, bad...)
		got, err := r.PredictPrepared(ctx, prepared...)
		if err != nil {
			return err
		}
		for _, one := range got.Pictures {
			s, err := r.Summarize(one, f.top)
			if err == nil {
				err = out.picture(one.Name, s)
			}
			if err != nil {
				return err
			}
			one.Probabilities, one.Logits, one.Adapted, one.ZeroShot = nil, nil, nil, nil // drift alone is wanted
			all.Pictures = append(all.Pictures, one)
		}
		p.Set(len(all.Pictures) + len(unreadable))
	}
	if len(all.Pictures) == 0 {
		return fmt.Errorf("predict: none of the %d pictures could be read", len(paths))
	}
	p.Done()
	all.Drift = r.BatchDrift(all.Pictures)
	a.note("%s", all.Drift.Note)
	if all.Drift.Drifted {
		a.note("these pictures drift from the training ones: their confidence deserves doubt")
		if f.run.coverage > 0 {
			a.note("and their sets hold the right class less often than asked for, perhaps")
		}
	}
	if err := out.end(all.Drift, unreadable); err != nil {
		return err
	}
	if len(unreadable) > 0 {
		return exitcode.LeftOut{
			What: fmt.Sprintf("%d of %d pictures could not be read and are left out", len(unreadable), len(paths)),
		}
	}
	return nil
}

// unreadable is a picture that could not be read.
type unreadable struct {
	Picture string `json:"picture"`
	Error   string `json:"error"`
}

// prepareAll prepares pictures on all cores; those that cannot be read are left
// out.
func prepareAll(ctx context.Context, r *clipcalib.Run, paths []string) (good []clipcalib.Prepared, bad []unreadable,
	err error) {
	prepared, failed := make([]clipcalib.Prepared, len(paths)), make([]error, len(paths))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			prepared[i], failed[i] = r.Prepare(clipcalib.FromFile(path))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for i, err := range failed {
		var picture *clipcalib.PictureError
		switch {
		case err == nil:
			good = append(good, prepared[i])
		case errors.As(err, &picture):
			bad = append(bad, unreadable{paths[i], strings.TrimPrefix(picture.Err.Error(), "image "+paths[i]+": ")})
		default:
			return nil, nil, err
		}
	}
	return good, bad, nil
}

// picturePaths lists the pictures that arguments stand for. A file that is not
// there is no error yet: it is named with the others that cannot be read.
func picturePaths(args []string, stdin io.Reader) ([]string, error) {
	var paths []string
	add := func(path string) error {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			paths = append(paths, path)
			return nil
		}
		before := len(paths)
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && imageio.IsPicture(d.Name()) {
				paths = append(paths, p)
			}
			return err
		})
		if err == nil && len(paths) == before {
			err = fmt.Errorf("no picture below %s (%s)", path, strings.Join(imageio.Extensions(), " "))
		}
		return err
	}
	for _, arg := range args {
		list, isList := strings.CutPrefix(arg, "@")
		if !isList && strings.EqualFold(filepath.Ext(arg), ".txt") {
			list, isList = arg, true
		}
		in := stdin
		if isList {
			f, err := os.Open(list)
			if err != nil {
				return nil, fmt.Errorf("list: %w", err)
			}
			defer f.Close()
			in = f
		} else if arg != "-" {
			if err := add(arg); err != nil {
				return nil, err
			}
			continue
		}
		named, err := lines(in)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", arg, err)
		}
		for _, path := range named {
			if err := add(path); err != nil {
				return nil, err
			}
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no pictures in %s", strings.Join(args, ", "))
	}
	return paths, nil
}

// lines reads the lines of a list that are not empty.
func lines(r io.Reader) (out []string, err error) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		if line := strings.TrimRight(strings.TrimPrefix(s.Text(), "\ufeff"), "\r"); strings.TrimSpace(line) != "" {
			out = append(out, line)
		}
	}
	return out, s.Err()
}
