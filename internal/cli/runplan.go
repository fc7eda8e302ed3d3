package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"clipcalib/internal/caught"
	"clipcalib/internal/cells"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/lockfile"
	"clipcalib/internal/plan"
	"clipcalib/internal/run"

	"github.com/spf13/cobra"
)

// doFlags are the inputs of the run command.
type doFlags struct {
	choice  plan.Choice
	out     string
	scratch string
	bank    string
	maps    []string
	again   bool
	partial bool
}

func runCommand(a *app) *cobra.Command {
	var f doFlags
	c := &cobra.Command{
		Use:   "run PLAN [--cell I | --shard I/N | --shards N] --out RESULTS",
		Short: "Do cells of a plan, as a task of a scheduler or by hand",
		Long: `Does the cells that --cell or --shard names. Without them it does what the
scheduler says: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX is the number of a
cell, or with --shards N that of a shard; --offset is added to it, for arrays that
had to be split. Without a scheduler it does all. Numbers count from 0; a shard is
a run of neighbouring cells.

Results go to RESULTS, one folder for all tasks on all machines: every attempt at
a cell has a folder of its own below RESULTS/cells, files are written once, and
the last says that the others are there. RESULTS may be on NFS or an object
store's mount: nothing in it is renamed, overwritten or locked. Cells whose result
is there are kept. Those that failed for good are not tried again without --again.

A cell is worked on in --scratch, on a disk of the machine, where an interrupted
one goes on if the same task starts again on it. Give a shared --scratch with
locks, such as NFS, and it goes on on any machine.

The exit code is for the scheduler: 75 means that the same command may do better,
1 and 2 that it will not, 3 that the cells are done but something unreadable was
left out, which --partial-ok makes 0.`,
		Example: `  clipcalib run plan.jsonl --shard 0/8 --out results
  clipcalib run plan.jsonl --shards 100 --out /shared/results --bank /shared/bank --partial-ok
  clipcalib run plan.jsonl --cell 7 --map /home/me/data=/data --out results`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := exactly("PLAN")(c, args); err != nil {
				return err
			}
			err := a.runPlan(c.Context(), f, args[0])
			var left exitcode.LeftOut
			if f.partial && errors.As(err, &left) {
				a.note("%v", err)
				return nil
			}
			return err
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.choice.Cell, "cell", "", "number of the cell, from 0")
	fl.StringVar(&f.choice.Shard, "shard", "", "I/N: the I-th of N shards, from 0")
	fl.IntVar(&f.choice.Shards, "shards", 0, "number of shards, of which the scheduler's number of the task is one; 0 "+
		"means that a task is a cell")
	fl.IntVar(&f.choice.Offset, "offset", 0, "added to the scheduler's number of the task")
	fl.StringVar(&f.out, "out", "", "folder of the results of all tasks")
	fl.StringVar(&f.scratch, "scratch", "", "folder that cells are worked on in (default: below the user's cache folder)")
	fl.StringVar(&f.bank, "bank", "", "folder of the feature bank (default: the plan's, else the user's cache folder)")
	fl.StringArrayVar(&f.maps, "map", nil, "FROM=TO: paths of the plan that begin with FROM begin with TO here; repeat "+
		"for more")
	fl.BoolVar(&f.again, "again", false, "try cells again that failed for good")
	fl.BoolVar(&f.partial, "partial-ok", false, "exit with 0 in place of 3, for schedulers that know no other success")
	c.MarkFlagRequired("out")
	return c
}

// What became of a cell of a plan, besides what becomes of one of a grid.
const cellBefore = "failed before" // for good

func (a *app) runPlan(ctx context.Context, f doFlags, path string) error {
	p, err := plan.Read(path)
	if err != nil {
		return err
	}
	first, end, how, err := f.choice.Of(len(p.Cells), os.Getenv)
	if err != nil {
		return usageError{err}
	}
	if err := f.mapPaths(p.Cells[first:end]); err != nil {
		return err
	}
	scratch, err := f.openScratch(path)
	if err != nil {
		return err
	}
	if err := checkOutputFolder(f.out); err != nil {
		return err
	}
	a.note("%s: %d of %d cells (%s)", path, end-first, len(p.Cells), how)
	w := &worker{app: a, flags: f, store: cells.Open(f.out), scratch: scratch, inputs: newInputs(a)}
	defer w.close()
	results := make([]cellResult, 0, end-first)
	left := 0
	for i, c := range p.Cells[first:end] {
		res := w.cell(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.note("%d of %d: cell %d, %s: %s%s", i+1, end-first, c.Number, c.Label, res.State,
			cond(res.Error != "", ": "+res.Error))
		if res.ExitCode == exitcode.Partial {
			left++
		}
		results = append(results, res)
	}
	return a.planRun(results, left)
}

// mapPaths applies --map.
func (f doFlags) mapPaths(of []plan.Cell) error {
	var from, to []string
	for _, m := range f.maps {
		a, b, ok := strings.Cut(m, "=")
		if !ok || a == "" || b == "" {
			return usagef("--map %s: want FROM=TO, as in /home/me/data=/data", m)
		}
		from, to = append(from, a), append(to, b)
	}
	if len(from) == 0 {
		return nil
	}
	for i := range of {
		of[i].Map(from, to, pathFlags)
	}
	return nil
}

// openScratch is the folder that this task works in: its own, so that a task
// that is started again finds what it began, and no other does.
func (f doFlags) openScratch(planPath string) (string, error) {
	root := f.scratch
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache folder to work in: %w; name one with --scratch", err)
		}
		root = filepath.Join(cache, "clipcalib", "cells")
	}
	dir := filepath.Join(root, taskName())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("--scratch: %w", err)
	}
	if err := lockfile.Works(dir); err != nil {
		return "", fmt.Errorf("--scratch %s: %w: name a folder on a disk of this machine", root, err)
	}
	return dir, nil
}

// taskName tells the task of a scheduler from all others, and outside of one the
// machine: Slurm runs an array's task once at a time, wherever.
func taskName() string {
	if job, task := os.Getenv("SLURM_ARRAY_JOB_ID"), os.Getenv("SLURM_ARRAY_TASK_ID"); job != "" && task != "" {
		return folderName("slurm-" + job + "-" + task)
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown"
	}
	return folderName("host-" + host)
}

// worker does cells one after the other, and keeps what neighbours share.
type worker struct {
	*app
	flags   doFlags
	store   cells.Store
	scratch string
	inputs  *inputs

	hands *hands // of the last cell
}

// cell does a cell, unless its result is there.
func (w *worker) cell(ctx context.Context, c plan.Cell) cellResult {
	res := cellResult{Cell: c.Label, Number: &c.Number, ID: c.ID}
	if there, err := w.kept(c, &res); err != nil {
		res.fail(err)
		return res
	} else if there {
		return res
	}
	dir := filepath.Join(w.scratch, c.ID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		res.fail(fmt.Errorf("--scratch: %w", err))
		return res
	}
	release, err := lockfile.Hold(ctx, dir, func() { w.note("waiting for another process at work on %s", dir) })
	if err != nil {
		res.fail(err)
		return res
	}
	defer release()
	// The other may have done it.
	if there, err := w.kept(c, &res); err != nil || there {
		res.fail(err)
		os.RemoveAll(dir)
		return res
	}
	if err := w.attempt(ctx, c, dir, &res); err != nil {
		res.fail(err)
		return res
	}
	os.RemoveAll(dir)
	return res
}

// kept reports whether there is nothing to do for a cell.
func (w *worker) kept(c plan.Cell, res *cellResult) (bool, error) {
	attempts, err := w.store.Find(c.ID)
	if err != nil {
		return false, err
	}
	if best, _, _ := cells.Best(attempts); best != nil {
		res.State, res.ExitCode, res.Run = cellKept, best.Done.ExitCode, best.RunDir()
		if w.hands != nil {
			w.hands.saw(best)
		}
		return true, nil
	}
	last := cells.Last(attempts)
	if last == nil || w.flags.again || !forGood(last.Failed.ExitCode) {
		return false, nil
	}
	res.State, res.ExitCode, res.Error = cellBefore, last.Failed.ExitCode, last.Failed.Error+
		" (--again tries once more)"
	return true, nil
}

// inOrderOfTime is RFC 3339 in which later times are later texts.
const inOrderOfTime = "2006-01-02T15:04:05.000000Z"

// forGood reports whether trying again won't help.
func forGood(code int) bool { return code == exitcode.Failed || code == exitcode.Misuse }

// attempt does a cell in a folder of the scratch and publishes the result.
func (w *worker) attempt(ctx context.Context, c plan.Cell, dir string, res *cellResult) error {
	start := time.Now()
	host, _ := os.Hostname() // for people alone
	restarted, _ := strconv.Atoi(os.Getenv("SLURM_RESTART_COUNT"))
	begun := cells.Begun{
		Cell: c.ID, Label: c.Label, Host: host, Process: os.Getpid(), Task: schedulerTask(), Restarted: restarted,
		Time: start.UTC().Format(inOrderOfTime), Program: version(),
	}
	attempt, err := w.store.Begin(begun)
	if err != nil {
		return err
	}
	work := filepath.Join(dir, "work")
	made, err := caught.Value(func() (product, error) { return w.do(ctx, c, work) })
	err = withTrace(err, attempt.Dir, c.Label)
	if err != nil {
		code := exitcode.Of(err)
		if ctx.Err() != nil {
			code = exitcode.Terminated
		}
		// What is said of it helps people; the cell has failed either way.
		var d *defect
		trace := ""
		if errors.As(err, &d) {
			trace = d.trace
		}
		return errors.Join(err, attempt.Fail(code, oneLine(err), trace))
	}
	res.State, res.ExitCode = cellDone, exitcode.Done
	done := cells.Done{Parameters: made.parameters, Seconds: time.Since(start).Seconds(),
		MemoryBytes: cells.PeakMemory()}
	if made.left != nil {
		res.ExitCode, done.ExitCode, done.LeftOut = exitcode.Partial, exitcode.Partial, made.left.Error()
	}
	if made.isRun {
		done.Run = made.folder
		res.Run = filepath.Join(attempt.Dir, made.folder)
		if err := run.Settle(filepath.Join(work, made.folder), res.Run); err != nil {
			return err
		}
	}
	if err := attempt.Publish(work, done, func(file string) bool { return !made.has(file) }); err != nil {
		return err
	}
	w.hands.saw(attempt)
	return nil
}

// defect is a panic of a cell, which stops no other.
type defect struct {
	what  any
	trace string
}

func (d *defect) Error() string {
	return fmt.Sprintf("internal error: %v (please report it; failed.json of the attempt says where)", d.what)
}

// guarded makes a panic an error. What the cells share is then opened anew.
func (w *worker) guarded(do func() (product, error)) (made product, err error) {
	defer func() {
		if r := recover(); r != nil {
			w.hands = nil
			err = &defect{r, string(debug.Stack())}
		}
	}()
	return do()
}

func schedulerTask() string {
	if job, task := os.Getenv("SLURM_ARRAY_JOB_ID"), os.Getenv("SLURM_ARRAY_TASK_ID"); job != "" && task != "" {
		return job + "_" + task
	}
	return os.Getenv("JOB_COMPLETION_INDEX")
}

// planRun says what came of the cells. The error tells whether trying again
// helps.
func (a *app) planRun(results []cellResult, left int) error {
	counts := map[string]int{}
	worst := exitcode.Done
	for _, r := range results {
		counts[r.State]++
		switch {
		case r.State != cellFailed && r.State != cellBefore:
		case worst != exitcode.TryAgain: // what may do better decides
			worst = r.ExitCode
		}
	}
	if a.json {
		err := a.printJSON(struct {
			Cells  []cellResult   `json:"cells"`
			Counts map[string]int `json:"counts"`
		}{results, counts})
		if err != nil {
			return err
		}
	}
	var words []string
	for _, state := range []string{cellDone, cellKept, cellFailed, cellBefore} {
		if n := counts[state]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, state))
		}
	}
	a.note("%d cells: %s", len(results), strings.Join(words, ", "))
	switch failed := counts[cellFailed] + counts[cellBefore]; {
	case failed > 0:
		for _, r := range results {
			if r.Error != "" {
				fmt.Fprintf(a.err, "failed: cell %d, %s: %s\n", *r.Number, r.Cell, r.Error)
			}
		}
		return cellsFailed{failed, len(results), worst}
	case left > 0:
		return exitcode.LeftOut{What: fmt.Sprintf("done, but %d of %d cells left out what could not be read "+
			"(collect names it)",
			left, len(results))}
	}
	return nil
}
