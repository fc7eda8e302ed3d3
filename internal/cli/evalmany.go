package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clipcalib/calib"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/caught"
	"clipcalib/internal/data"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
	"clipcalib/internal/table"
)

// splitRuns tells the runs among eval's arguments from the targets: the first is
// a run, or a folder of runs, and so is every other that holds a recipe.
func splitRuns(args []string, data bool) (runs, targets []string, err error) {
	if len(args) == 0 {
		return nil, nil, usagef("eval: RUN is missing; see: clipcalib eval --help")
	}
	for i, arg := range args {
		switch {
		case run.IsRun(arg) || i == 0 && run.Below(arg) == "":
			runs = append(runs, arg)
		case run.Below(arg) != "":
			below, err := table.Find(arg)
			if err != nil {
				return nil, nil, fmt.Errorf("eval: %w", err)
			}
			runs = append(runs, below...)
		case !data:
			return nil, nil, usagef("eval: %s is no run (recipe.yaml is missing), and without --data no target: "+
				"write --data %s", arg, arg)
		default:
			targets = append(targets, arg)
		}
	}
	return runs, targets, nil
}

// evalMany evaluates several runs on the same targets, those of one model on
// one copy of it. A run that fails stops no other.
func (a *app) evalMany(ctx context.Context, f evalFlags, runs []string) error {
	switch {
	case len(f.data) == 0:
		return usagef("eval: --data TARGET is missing; --features is for one run at a time")
	case len(f.features) > 0 || f.out != "":
		return usagef("eval: --features and --out are for one run at a time: the results of several go below each")
	case f.method != "" || len(f.set) > 0:
		return usagef("eval: --method and --set are for a checkpoint; runs have their own")
	case f.remedy != "" && f.remedy != run.RemedyDAC:
		return usagef("eval: --remedy %s is for a checkpoint; runs have their own", f.remedy)
	case f.bins < 1:
		return usagef("--bins wants at least 1")
	case f.neighbours < 1:
		return usagef("--neighbours wants at least 1")
	}
	targets := targetSets{}
	if _, err := targets.of(a, f); err != nil {
		return err
	}
	a.encoded = &encodedSets{of: map[*data.Set]map[features.Views]features.Set{}}
	m := models{app: a}
	defer m.close()
	results := make([]cellResult, len(runs))
	left := gridAccount{}
	for i, dir := range runs {
		results[i] = cellResult{Cell: filepath.Base(dir), Run: dir, State: cellDone}
		results[i].attempt(dir, func() error { return m.evaluate(ctx, f, dir, targets, &results[i], left) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	judgeAll(f.protocol, results)
	return a.cellsDone(results, left, gridShow{table: func([]string) error { return a.showEvaluated(results) }})
}

// models is the model of the run at hand: of runs with one model, it is loaded
// once.
type models struct {
	*app
	of  string // the flags that it was opened with
	src *features.Source
}

func (m *models) close() {
	if m.src != nil {
		m.src.Model.Close()
		m.src = nil
	}
}

func (m *models) evaluate(
	ctx context.Context, f evalFlags, dir string, targets targetSets, res *cellResult, left gridAccount,
) error {
	if err := m.modelOf(dir, &f.source); err != nil {
		return err
	}
	sets, err := targets.of(m.app, f)
	if err != nil {
		return err
	}
	if err := learntFor(f.protocol, dir, sets); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(f.source.weights); err == nil {
		f.source.weights = real
	}
	key := f.source
	preprocess := key.model.ofRun
	key.model.ofRun = nil // a pointer, compared by what it points to
	if of := fmt.Sprintf("%+v %+v", key, preprocess); m.src == nil || m.of != of {
		m.close()
		m.encoded.of = map[*data.Set]map[features.Views]features.Set{} // of the last model
		src, err := m.openSource(f.source)
		if err != nil {
			return err
		}
		m.of, m.src = of, src
	}
	o := run.EvalOptions{Run: dir, Bins: calib.Options{Bins: f.bins}}
	if f.remedy == run.RemedyDAC {
		o.DAC = &run.DAC{Neighbours: f.neighbours}
	}
	found, err := m.evalRun(ctx, m.src, sets, f, o)
	if err != nil {
		return err
	}
	for i, r := range found.results {
		res.measured(found.names[i], r, found.records[i])
		left.add(found.names[i], found.records[i].Account)
	}
	return nil
}

// attempt does a cell's work. What it fails of, a panic too, is the cell's
// failure; the trace of a panic goes into the cell's folder, or into out before
// it has one. It reports whether the work was done.
func (r *cellResult) attempt(out string, do func() error) bool {
	err := caught.Call(do)
	if err == nil {
		os.Remove(filepath.Join(r.Run, crashFile)) // of an earlier attempt
	}
	dir := cmp.Or(r.Run, out)
	if _, missing := os.Stat(dir); missing != nil {
		dir = out
	}
	r.fail(withTrace(err, dir, r.Cell))
	return err == nil
}

// withTrace keeps the trace of a panic in a cell's folder, and names the file.
func withTrace(err error, dir, cell string) error {
	var p *caught.Panic
	if !errors.As(err, &p) {
		return err
	}
	path := filepath.Join(dir, crashFile)
	trace := fmt.Appendf(nil, "%s\n%s: %v\n\n%s", version(), cell, p, p.Stack())
	if atomicfile.WriteBytes(path, trace) != nil {
		return err
	}
	return fmt.Errorf("internal error: %v (please report it, with %s)", p.Value, path)
}

// crashFile holds the trace of what ended a cell.
const crashFile = "crash.log"

// fail notes what a cell failed of, if it did.
func (r *cellResult) fail(err error) {
	if err == nil {
		return
	}
	r.State, r.Error, r.ExitCode = cellFailed, oneLine(err), exitcode.Failed
	if exitcode.Of(err) == exitcode.TryAgain {
		r.ExitCode = exitcode.TryAgain
	}
}
