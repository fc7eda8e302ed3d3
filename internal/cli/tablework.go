package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clipcalib/internal/bench"
	"clipcalib/internal/data"
	"clipcalib/internal/paper"
	"clipcalib/internal/recipe"
	"clipcalib/weights"
)

// paperJob is one recipe with what is asked of it.
type paperJob struct {
	recipe   recipe.Recipe // with the changes, names as in the paper
	resolved recipe.Recipe // with files
	rows     []paperRow    // that its cells are for
	// folds are the sets whose validation folds it is evaluated on too, by set that is
	// measured.
	folds map[string]string
}

// paperRow is a row of a block.
type paperRow struct {
	model string
	recipe.Row
}

// paperWork is all there is to do for a table.
type paperWork struct {
	source  paperSource
	jobs    []paperJob
	paths   map[string]string // of the sets
	absent  []paper.Absent
	cells   int // rows by sets, of those asked for
	missing []missingPart
	changed []string // what is not the paper's
	work    recipe.Work
}

// missingPart is data or weights that are not there, and what that costs.
type missingPart struct {
	What  string `json:"what"`
	Cells int    `json:"cells"`
}

// paperWork finds out what there is to do, and what is missing for it.
func (a *app) paperWork(t recipe.Table, s paperSource) (*paperWork, error) {
	w := &paperWork{source: s, changed: slices.Concat(s.changes.with, s.changes.set)}
	only, err := newSelection(t, s.only)
	if err != nil {
		return nil, err
	}
	models, err := findModels(s.weights, s.model, t)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(s.root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("--root %s: there is no such folder", s.root)
	}
	if s.out != "" {
		if err := checkOutputFolder(s.out); err != nil {
			return nil, err
		}
	}
	// Paths in the recipes that are kept start from nowhere else.
	if w.source.root, err = filepath.Abs(s.root); err != nil {
		return nil, err
	}
	return w, a.findWork(w, t, only, models)
}

// findWork makes the jobs.
func (a *app) findWork(w *paperWork, t recipe.Table, only selection, models map[string]string) error {
	var wanted []string
	for _, name := range t.Recipes() {
		r, err := recipe.Find(name)
		if err != nil {
			return err
		}
		wanted = append(wanted, r.Sets()...)
	}
	slices.Sort(wanted)
	paths, gone := recipe.Locate(w.source.root, slices.Compact(wanted))
	w.paths = paths
	lacks := map[string]string{} // why a set cannot be used
	for _, m := range gone {
		lacks[m.Set] = m.Words()
	}
	counts := a.setCounts(paths, lacks)
	costs := map[string]int{}
	folds := a.newFoldWork(w)
	for _, b := range t.Blocks {
		jobs := map[string]*paperJob{}
		var order []string
		for _, row := range b.Rows {
			for _, name := range row.Recipes {
				sets := only.sets(b, row, name)
				if len(sets) == 0 {
					continue
				}
				w.cells += len(sets)
				r, err := recipe.Find(name)
				if err != nil {
					return err
				}
				why := ""
				switch {
				case models[b.Model] == "":
					why = "no weights of " + b.Model + " (--weights)"
				case r.Source() != "":
					counts(r.Source())
					why = lacks[r.Source()]
				}
				var have []string
				for _, set := range sets {
					because := why
					if because == "" {
						counts(set)
						because = lacks[set]
					}
					if because != "" {
						a := paper.Absent{Model: b.Model, Row: row.Label, Set: set, Why: because}
						w.absent = append(w.absent, a)
						costs[because]++
						continue
					}
					have = append(have, set)
				}
				if len(have) == 0 {
					continue
				}
				j := jobs[name]
				if j == nil {
					if r, err = w.source.changes.of(r); err != nil {
						return err
					}
					j = &paperJob{recipe: r.With("remedy").WithTargets(nil)}
					jobs[name], order = j, append(order, name)
				}
				j.want(row.Remedy, have)
				j.rows = append(j.rows, paperRow{b.Model, row})
			}
		}
		for _, name := range order {
			j := jobs[name]
			j.resolved = j.recipe.Resolve(models[b.Model], func(set string) string { return paths[set] })
			working := j.recipe
			if w.source.needFolds() {
				j.folds = foldsOf(b, j.recipe)
				working = folds.add(j)
			}
			work, err := recipe.WorkOf(working, func(set string) (recipe.Count, error) {
				if c, ok := folds.counts[set]; ok {
					return c, nil
				}
				return counts(set), nil
			})
			if err != nil {
				return err
			}
			w.work.Add(work)
			w.jobs = append(w.jobs, *j)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(costs)) {
		w.missing = append(w.missing, missingPart{what, costs[what]})
	}
	if err := folds.refusal(); err != nil {
		return err
	}
	return w.source.changes.used(t)
}

// want adds a remedy and sets to the job's cells.
func (j *paperJob) want(remedy string, sets []string) {
	if j.recipe.Command != recipe.ZeroShot {
		if have := j.recipe.Values("remedy"); !slices.Contains(have, remedy) {
			j.recipe = j.recipe.With("remedy", append(slices.Clone(have), remedy)...)
		}
	}
	targets := slices.Clone(j.recipe.Targets())
	for _, set := range sets {
		if !slices.Contains(targets, set) {
			targets = append(targets, set)
		}
	}
	j.recipe = j.recipe.WithTargets(targets)
}

// setCounts reads a set when it is asked for, once. What cannot be read lacks.
func (a *app) setCounts(paths, lacks map[string]string) func(set string) recipe.Count {
	known := map[string]recipe.Count{}
	silent := *a
	silent.quiet = true
	return func(set string) recipe.Count {
		if c, ok := known[set]; ok || lacks[set] != "" {
			return c
		}
		var c recipe.Count
		var read *data.Set
		var err error
		for _, part := range []string{"test", "train"} {
			if read, err = silent.load(sourceFlags{}, paths[set], part); err != nil {
				lacks[set] = oneLine(fmt.Errorf("%s cannot be read: %w", set, err))
				return c
			}
			if part == "test" {
				c.Classes, c.Test = len(read.Classes), len(read.Items)
			} else {
				c.PerClass = slices.Max(append(read.Counts(), 0))
			}
		}
		known[set] = c
		return c
	}
}

// findModels tells which file is which of the table's models.
func findModels(files []string, f modelFlags, t recipe.Table) (map[string]string, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var known []string
	for _, b := range t.Blocks {
		known = append(known, b.Model)
	}
	for _, arg := range files {
		model, file, named := strings.Cut(arg, "=")
		if named && !slices.Contains(known, model) {
			if _, err := os.Stat(arg); err != nil {
				return nil, usagef("--weights %s: what is made here is of %s, not of %s", arg, strings.Join(known,
					" and "), model)
			}
			named = false // a file with "=" in its name
		}
		if !named {
			file = arg
			c, err := weights.OpenCLIP(file, o)
			if err != nil {
				return nil, fmt.Errorf("--weights: %w", err)
			}
			model = c.Config.Architecture()
			c.Close()
			if !slices.Contains(known, model) {
				return nil, usagef("--weights %s: it is of %s, and the table has %s; say which it is to be: %s=%s",
					file, model, strings.Join(known, " and "), known[0], file)
			}
		} else if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("--weights %s: %w", arg, err)
		}
		if other := out[model]; other != "" {
			return nil, usagef("--weights: both %s and %s are of %s: name one", other, file, model)
		}
		abs, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		out[model] = abs
	}
	return out, nil
}

// ofPeak is how much of the measured peak of products whole models reach, as
// bench shows it.
const ofPeak = 0.6

// showWork says what there is to do.
func (a *app) showWork(ctx context.Context, w *paperWork, dry bool) error {
	runs := 0
	for _, j := range w.jobs {
		runs += len(j.recipe.Cells())
	}
	rate := 0.0
	if dry && runs > 0 {
		o := bench.Options{Device: a.deviceOptions(), Parts: []string{bench.Peaks}, Budget: time.Second}
		peaks, err := bench.Measure(ctx, o)
		if err != nil {
			return fmt.Errorf("measure this machine: %w", err)
		}
		rate = peaks.Runs[0].PeakGFLOPS * 1e9 * ofPeak
	}
	if a.json && dry {
		return a.printJSON(struct {
			Runs       int           `json:"runs"`
			Cells      int           `json:"cells"`
			Absent     int           `json:"cells_missing"`
			Pictures   int           `json:"pictures"`
			Operations float64       `json:"operations"`
			Rate       float64       `json:"operations_s"`
			Seconds    float64       `json:"seconds"`
			Memory     float64       `json:"memory_bytes"`
			Missing    []missingPart `json:"missing"`
			Recipes    []jobShown    `json:"recipes"`
		}{runs, w.cells, len(w.absent), w.work.Shown(), w.work.Operations(), rate, seconds(w.work.Operations(), rate),
			w.work.Memory, append([]missingPart{}, w.missing...), w.shown(rate)})
	}
	out := a.err
	if dry {
		out = a.out
	}
	if dry || !a.quiet {
		fmt.Fprintf(out, "%d runs for %d of %d cells of the table; %d pictures to encode, views among them; "+
			"about %.1f GB of memory\n", runs, w.cells-len(w.absent), w.cells, w.work.Shown(), w.work.Memory/1e9)
	}
	if dry {
		for _, j := range w.shown(rate) {
			fmt.Fprintf(out, "  %-32s %d runs on %d sets  %10.0f TFLOP  %s\n", j.Recipe, j.Runs, j.Sets,
				j.Operations/1e12, duration(j.Seconds))
		}
		if rate > 0 {
			fmt.Fprintf(out, "time: about %s here, at %.0f GFLOP/s (%.0f %% of the measured peak of products); "+
				"what is kept is not done again\n", duration(seconds(w.work.Operations(), rate)), rate/1e9, 100*ofPeak)
		}
	}
	for _, m := range w.missing {
		fmt.Fprintf(out, "%s; that costs %d cells\n", m.What, m.Cells)
	}
	return nil
}

func seconds(operations, rate float64) float64 {
	if rate == 0 {
		return 0
	}
	return operations / rate
}

func duration(s float64) string { return recipe.Duration(s) }

// jobShown is a recipe of a dry run.
type jobShown struct {
	Recipe     string  `json:"recipe"`
	Runs       int     `json:"runs"`
	Sets       int     `json:"sets"`
	Operations float64 `json:"operations"`
	Seconds    float64 `json:"seconds"`
}

// shown are the jobs with what each does beyond what those before it encoded.
func (w *paperWork) shown(rate float64) []jobShown {
	out := []jobShown{}
	seen := map[string]bool{}
	for _, j := range w.jobs {
		s := jobShown{Recipe: j.recipe.ID, Runs: len(j.recipe.Cells()), Sets: len(j.recipe.Targets())}
		for _, c := range w.work.Cells {
			if c.Recipe == j.recipe.ID {
				s.Operations += c.Train + c.Test
			}
		}
		for _, key := range w.work.Needs[j.recipe.ID] {
			if !seen[key] {
				seen[key] = true
				s.Operations += w.work.Encode[key]
			}
		}
		s.Seconds = seconds(s.Operations, rate)
		out = append(out, s)
	}
	return out
}
