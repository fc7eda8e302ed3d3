package cli

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/plan"
	"clipcalib/internal/schedule"

	"github.com/spf13/cobra"
)

// scheduleFlags say which scripts for schedulers are written, and what is in
// them.
type scheduleFlags struct {
	slurm, kubernetes, queues string
	memory                    string
	time                      time.Duration
	claims                    []string
	tasks                     schedule.Tasks
}

func (f *scheduleFlags) add(c *cobra.Command) {
	fl, t := c.Flags(), &f.tasks
	fl.StringVar(&f.slurm, "slurm", "", "write a script that submits the tasks to Slurm")
	fl.StringVar(&f.kubernetes, "kubernetes", "", "write an Indexed Job of Kubernetes")
	fl.StringVar(&f.queues, "kueue", "", "write the objects of --queue, for who looks after the cluster")
	fl.IntVar(&t.Shards, "shards", 0, "number of tasks, each a shard of the cells; 0 is a task a cell")
	fl.IntVar(&t.AtOnce, "at-once", 0, "most tasks at a time; 0 is no bound")
	fl.IntVar(&t.Retries, "retries", 5, "tries more for a task that asks for one (exit code 75) or runs out of time")
	fl.DurationVar(&f.time, "time", 0, "time limit of a try; 0 is three times the estimate, or the cluster's")
	fl.StringVar(&f.memory, "memory", "", "memory of a task, as in 900M or 4G (default: the estimate and a half, else 4G)")
	fl.IntVar(&t.CPUs, "cpus", 2, "processors of a task")
	fl.IntVar(&t.GPUs, "gpus", 0, "GPUs of a task, which then computes on them")
	fl.StringVar(&t.Name, "name", "", "name of the job (default: of the plan)")
	fl.StringVar(&t.Results, "results", "", "folder of the results, as the tasks see it")
	fl.StringVar(&t.Plan, "plan-at", "", "path of the plan, as the tasks see it (default: its own)")
	fl.StringVar(&t.Bank, "bank", "", "folder of the feature bank, as the tasks see it")
	fl.StringVar(&t.Scratch, "scratch", "", "folder that tasks work in, as they see it")
	fl.StringArrayVar(&t.Maps, "map", nil, "FROM=TO: where tasks have the paths of the plan; repeat for more")
	fl.StringVar(&t.Program, "program", "clipcalib", "path of clipcalib on the cluster's nodes, for --slurm")
	fl.StringVar(&t.Image, "image", "", "image with clipcalib in it, for --kubernetes")
	fl.StringVar(&t.Namespace, "namespace", "", "namespace of the job, for --kubernetes")
	fl.StringVar(&t.Queue, "queue", "", "queue of Kueue, for --kubernetes")
	fl.StringArrayVar(&f.claims, "claim", nil, "NAME=PATH: volume claim and where it is mounted, for --kubernetes; "+
		"repeat for more")
}

func (f *scheduleFlags) wanted() bool {
	return f != nil && (f.slurm != "" || f.kubernetes != "" || f.queues != "")
}

// onlyWithScript are flags that say nothing where no script is written.
var onlyWithScript = []string{"shards", "at-once", "retries", "time", "memory", "cpus", "gpus", "name", "results",
	"plan-at", "bank", "scratch", "map", "program", "image", "namespace", "queue", "claim"}

// unused refuses flags that the forms asked for have no use for.
func (f *scheduleFlags) unused(c *cobra.Command) error {
	changed := c.Flags().Changed
	for _, name := range onlyWithScript {
		if changed(name) && !f.wanted() {
			return usagef("--%s is for the scripts of --slurm, --kubernetes and --kueue, and none is asked for", name)
		}
	}
	for _, name := range []string{"image", "namespace", "claim"} {
		if changed(name) && f.kubernetes == "" && (name != "namespace" || f.queues == "") {
			return usagef("--%s is for --kubernetes", name)
		}
	}
	switch {
	case changed("queue") && f.kubernetes == "" && f.queues == "":
		return usagef("--queue is for --kubernetes and --kueue")
	case changed("program") && f.slurm == "":
		return usagef("--program is for --slurm: an image has its own")
	}
	return nil
}

// resolve fills in what the flags leave to the plan at path.
func (f *scheduleFlags) resolve(p *plan.Plan, path string) (err error) {
	t := &f.tasks
	t.Cells = len(p.Cells)
	if t.Plan == "" {
		if t.Plan, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	if t.Name == "" {
		t.Name = schedule.Name(path)
	}
	if t.Scratch == "" && f.slurm != "" && f.kubernetes != "" {
		return usagef("--scratch: name a folder for both, or write the scripts of --slurm and --kubernetes one by one")
	}
	seconds, memory := longestTask(p, t.Shards)
	const safety = 3
	if t.Time = f.time; t.Time == 0 && seconds > 0 {
		t.Time = max(time.Duration(math.Ceil(safety*seconds/60))*time.Minute, 10*time.Minute)
	}
	t.MemoryMiB = 4 << 10
	if f.memory != "" {
		if t.MemoryMiB, err = mebibytes(f.memory); err != nil {
			return usagef("--memory: %w", err)
		}
	} else if memory > 0 {
		t.MemoryMiB = max(memory*3/2>>20+1, 256)
	}
	for _, c := range f.claims {
		name, at, ok := strings.Cut(c, "=")
		if !ok {
			return usagef("--claim %s: want NAME=PATH", c)
		}
		t.Claims = append(t.Claims, schedule.Claim{Name: name, Path: at})
	}
	if err := t.Check(); err != nil {
		return usageError{err}
	}
	if f.kubernetes == "" {
		return nil
	}
	if err := t.CheckKubernetes(); err != nil {
		return usageError{err}
	}
	return nil
}

// longestTask is what the longest of the tasks takes, 0 where a cell's estimate
// is missing.
func longestTask(p *plan.Plan, shards int) (seconds float64, memory int64) {
	tasks := shards
	if tasks == 0 {
		tasks = len(p.Cells)
	}
	for i := range tasks {
		took := 0.0
		for _, c := range p.Cells[i*len(p.Cells)/tasks : (i+1)*len(p.Cells)/tasks] {
			if c.Estimate == nil {
				return 0, 0
			}
			took += c.Estimate.Seconds
			memory = max(memory, c.Estimate.MemoryBytes)
		}
		seconds = max(seconds, took)
	}
	return seconds, memory
}

// mebibytes reads an amount of memory.
func mebibytes(text string) (int64, error) {
	unit := map[byte]int64{'M': 1, 'G': 1 << 10}[text[len(text)-1]]
	n, err := strconv.ParseInt(text[:len(text)-1], 10, 32)
	if unit == 0 || err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no amount of memory: want one such as 900M or 4G", text)
	}
	return n * unit, nil
}

// write writes the scripts.
func (f *scheduleFlags) write(a *app) error {
	for _, s := range []struct {
		path  string
		write func(io.Writer, schedule.Tasks) error
		mode  os.FileMode
	}{{f.slurm, schedule.Slurm, 0o755}, {f.kubernetes, schedule.Kubernetes, 0o644}, {f.queues, schedule.Kueue, 0o644}} {
		if s.path == "" {
			continue
		}
		err := atomicfile.Write(s.path, func(w io.Writer) error { return s.write(w, f.tasks) })
		if err == nil {
			err = os.Chmod(s.path, s.mode)
		}
		if err != nil {
			return err
		}
		a.note("wrote %s: %d tasks of %d MiB", s.path, f.tasks.Count(), f.tasks.MemoryMiB)
	}
	return nil
}
