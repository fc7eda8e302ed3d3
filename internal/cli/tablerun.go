package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/logitfile"
	"clipcalib/internal/paper"
	"clipcalib/internal/recipe"
	"clipcalib/internal/run"

	"github.com/spf13/cobra"
)

// doWork runs what is not there and gathers what is.
func (a *app) doWork(ctx context.Context, w *paperWork) (*paperFound, error) {
	found := &paperFound{absent: slices.Clone(w.absent), lacking: len(w.absent), cells: w.cells,
		asked: w.source.sets.asked()}
	var err error
	if found.scalers, err = w.source.scalers.open(); err != nil {
		return nil, err
	}
	if len(w.changed) > 0 {
		found.notes = append(found.notes, "these rows are not of the paper's recipes: "+strings.Join(w.changed, ", "))
	}
	for i, j := range w.jobs {
		a.note("%d of %d: %s", i+1, len(w.jobs), j.recipe.ID)
		if _, err := writeRecipe(w.source.out, j.resolved); err != nil {
			return nil, err
		}
		if err := a.doJob(ctx, w, j, found); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return found, nil
}

// doJob runs a recipe by the command that it is for and takes up its results. An
// error of one recipe is noted, and the others go on; the error returned ends the
// command.
func (a *app) doJob(ctx context.Context, w *paperWork, j paperJob, found *paperFound) error {
	out := filepath.Join(w.source.out, "runs", filepath.FromSlash(j.recipe.ID))
	if j.recipe.Command == recipe.ZeroShot {
		return a.doZeroShot(ctx, w, j, out, found)
	}
	printed, err := a.sub(ctx, w, j.resolved, out, j.resolved.Targets())
	var result struct {
		Cells []cellResult `json:"cells"`
	}
	if decoded := json.Unmarshal(printed, &result); err != nil && (decoded != nil || len(result.Cells) == 0) {
		return a.jobFailed(ctx, j, j.recipe.Targets(), err, found)
	} else if decoded != nil {
		return fmt.Errorf("%s: %w", j.recipe.ID, decoded)
	}
	found.take(err)
	for _, c := range result.Cells {
		if c.State == cellFailed {
			found.failed++
		}
	}
	for _, row := range j.rows {
		if err := j.gather(ctx, w, row, result.Cells, found); err != nil {
			return err
		}
	}
	return nil
}

// sub runs the command of a recipe inside this one and returns what it printed.
func (a *app) sub(ctx context.Context, w *paperWork, r recipe.Recipe, out string, targets []string) ([]byte, error) {
	if _, err := a.openDevice(); err != nil {
		return nil, err
	}
	var printed bytes.Buffer
	sub := *a
	sub.out, sub.json, sub.encoded, sub.alwaysGrid = &printed, true, nil, true
	args := append(w.source.modelArgs(), "--out", out)
	if w.source.bank != "" {
		args = append(args, "--bank", w.source.bank)
	}
	var c *cobra.Command
	switch r.Command {
	case recipe.Adapt:
		c = adaptCommand(&sub)
		args = append(args, "--recipe", filepath.Join(w.source.out, "recipes", r.ID+".yaml"))
	case recipe.Tune:
		c = ttaCommand(&sub)
		args = append(append([]string{strings.Join(r.Methods, ",")}, args...), flagArgs(r, targets)...)
	case recipe.ZeroShot:
		c = zeroshotCommand(&sub)
		args = append(args, flagArgs(r, targets)...)
	}
	c.SetArgs(args)
	c.SetOut(&printed)
	c.SetErr(a.err)
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(ctx)
	return printed.Bytes(), err
}

// flagArgs are a recipe's flags as a command line has them.
func flagArgs(r recipe.Recipe, targets []string) (args []string) {
	for _, f := range r.Flags {
		switch f.Name {
		case "data":
			for _, t := range targets {
				args = append(args, "--data="+t)
			}
		case "template":
			for _, v := range f.Values {
				args = append(args, "--template="+v)
			}
		default:
			args = append(args, "--"+f.Name+"="+strings.Join(f.Values, ","))
		}
	}
	for _, s := range r.Settings {
		for _, v := range s.Values {
			args = append(args, "--set="+s.Name+"="+v)
		}
	}
	return args
}

// jobFailed notes that nothing of a recipe could be done.
func (a *app) jobFailed(ctx context.Context, j paperJob, sets []string, err error, found *paperFound) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(a.err, "failed: %s: %s\n", j.recipe.ID, oneLine(err))
	found.failed += len(j.recipe.Cells())
	found.take(err)
	for _, row := range j.rows {
		found.lacks(row, sets, "failed: "+oneLine(err))
	}
	return nil
}

// take takes up what an error says of the exit code.
func (f *paperFound) take(err error) {
	switch code := exitcode.Of(err); code {
	case exitcode.Done:
	case exitcode.Partial:
		f.leftOut = true
	case exitcode.TryAgain:
		if f.worst == exitcode.Done {
			f.worst = code
		}
	default:
		f.worst = exitcode.Failed
	}
}

func (f *paperFound) lacks(row paperRow, sets []string, why string) {
	for _, set := range sets {
		f.absent = append(f.absent, paper.Absent{Model: row.model, Row: row.Label, Set: set, Why: why})
	}
}

// gather takes up the results of a row's cells.
func (j paperJob) gather(ctx context.Context, w *paperWork, row paperRow, cells []cellResult, found *paperFound) error {
	done := map[string]bool{}
	why := "the recipe has no such run"
	for _, c := range cells {
		if c.Run == "" || c.State == cellFailed {
			if strings.Contains(c.Cell, row.Remedy) || len(cells) == 1 {
				why = "failed: " + c.Error
			}
			continue
		}
		r, err := readHead(c.Run)
		if err != nil {
			return err
		}
		if r.Method != row.Method || r.Remedy != row.Remedy {
			continue
		}
		for _, t := range c.Targets {
			set, isFold, err := w.setOf(t.Dir)
			if err != nil {
				return err
			}
			if isFold {
				continue
			}
			d := dump{model: row.model, method: row.Method, remedy: row.Remedy, set: set, at: t.Dir}
			if fold := j.folds[set]; fold != "" {
				if d.fit, d.fitName, err = w.foldIn(c.Run, fold, c.Targets); err != nil {
					return err
				}
			}
			d.logits, _, d.labels = logitsIn(t.Dir)
			taken, not, err := found.takeSaved(ctx, d, "", row.Row, paper.Measured{Model: row.model, Row: row.Label,
				Set: set, Seed: fmt.Sprint(r.Seed), Where: t.Dir})
			if err != nil {
				return fmt.Errorf("%s: %w", t.Dir, err)
			}
			if done[set] = taken || done[set]; !taken {
				why, found.lacking = not, found.lacking+1
			}
		}
	}
	var gone []string
	for _, set := range j.recipe.Targets() {
		if !done[set] {
			gone = append(gone, set)
		}
	}
	found.lacks(row, gone, why)
	return nil
}

// head is what a run's recipe says of it, of whatever family.
type head struct {
	Method, Remedy string
	Seed           uint64
}

func readHead(dir string) (h head, err error) {
	r, err := run.ReadRecipe(dir)
	return head{r.Method, r.Remedy, r.Seed}, err
}

// setOf is the set that an evaluation's folder is of; isFold says that it is on its
// validation fold.
func (w *paperWork) setOf(dir string) (set string, isFold bool, err error) {
	t, err := run.ReadTarget(dir)
	if err != nil {
		return "", false, err
	}
	for set, path := range w.paths {
		if path == t.Inputs.Data || path+val == t.Inputs.Data {
			return set, t.IsValidation(), nil
		}
	}
	return "", false, fmt.Errorf("%s: it is of %s, which no set of the table is at", dir, t.Inputs.Data)
}

// logitsIn are the files of an evaluation's folder: adapted, zero-shot, labels.
func logitsIn(dir string) (logits, zeroShot, labels string) {
	return filepath.Join(dir, "logits.npy"), filepath.Join(dir, "zero_shot_logits.npy"), filepath.Join(dir,
		"labels.npy")
}

// doZeroShot measures the unadapted model, set by set, ahead of them on the folds.
func (a *app) doZeroShot(ctx context.Context, w *paperWork, j paperJob, out string, found *paperFound) error {
	measure := func(spec, dir string) error {
		_, err := a.sub(ctx, w, j.resolved, dir, []string{spec})
		var left exitcode.LeftOut
		if err != nil && !errors.As(err, &left) {
			return err
		}
		found.take(err)
		return nil
	}
	folds := map[string]error{}
	for _, fold := range j.foldSets() {
		folds[fold] = measure(w.paths[fold]+val, filepath.Join(out, fold+"-val"))
	}
	for _, set := range j.recipe.Targets() {
		dir, fold := filepath.Join(out, set), j.folds[set]
		if err := cmp.Or(folds[fold], measure(w.paths[set], dir)); err != nil {
			if err := a.jobFailed(ctx, j, []string{set}, err, found); err != nil {
				return err
			}
			continue
		}
		d := dump{model: j.rows[0].model, method: recipe.ZeroShotMethod, remedy: "none", set: set, at: dir}
		d.logits, _, d.labels = logitsIn(dir)
		if fold != "" {
			d.fit.logits, _, d.fit.labels = logitsIn(filepath.Join(out, fold+"-val"))
			d.fitName = foldOfRuns(w.paths[fold] + val)
		}
		for _, row := range j.rows {
			m := paper.Measured{Model: row.model, Row: row.Label, Set: set, Where: dir}
			taken, why, err := found.takeSaved(ctx, d, "", row.Row, m)
			if err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			if !taken {
				found.lacking++
				found.lacks(row, []string{set}, why)
			}
		}
	}
	return nil
}

// predictions are those of saved logits and labels.
func predictions(ctx context.Context, logits, labels string) (p calib.Predictions, err error) {
	l, err := logitfile.Open(ctx, logits, logitfile.Logits)
	if err != nil {
		return p, err
	}
	defer l.Close()
	p, _, err = predict(ctx, l.Rows, logits, labels)
	return p, err
}

func predict(ctx context.Context, rows calib.Rows, logits, labels string) (p calib.Predictions, y []int, err error) {
	if y, err = logitfile.ReadLabels(ctx, labels, logitfile.Labels); err != nil {
		return p, y, err
	}
	if p, err = calib.PredictRows(rows, y, calib.Options{}); err != nil {
		return p, y, fmt.Errorf("%s with %s: %w", logits, labels, err)
	}
	return p, y, nil
}
