package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// What schedulers call a task's number, from 0.
const (
	envKubernetes = "JOB_COMPLETION_INDEX"
	envSlurm      = "SLURM_ARRAY_TASK_ID"
)

// Choice says which cells of a plan a process does. What is given goes before
// what the scheduler says; with neither, it is all.
type Choice struct {
	Cell   string // number of one cell, from 0; "" where not given
	Shard  string // "I/N": the I-th of N runs of cells, from 0
	Shards int    // N of Shard, where I is the scheduler's number of the task; 0: a task is a cell
	Offset int    // added to that number, for arrays that had to be split
}

// Misuse is an error of what was asked for, not of the plan.
type Misuse struct{ error }

func misuse(format string, args ...any) error { return Misuse{fmt.Errorf(format, args...)} }

// Of chooses among n cells, and says in words how: the cells from first up to,
// without, end.
func (o Choice) Of(n int, env func(string) string) (first, end int, how string, err error) {
	switch {
	case o.Cell != "" && (o.Shard != "" || o.Shards != 0), o.Shard != "" && o.Shards != 0:
		return 0, 0, "", misuse("name one of --cell, --shard and --shards")
	case o.Shards < 0:
		return 0, 0, "", misuse("--shards %d: want at least 1", o.Shards)
	case o.Offset < 0:
		return 0, 0, "", misuse("--offset %d: want 0 or more", o.Offset)
	case o.Offset > 0 && (o.Cell != "" || o.Shard != ""):
		return 0, 0, "", misuse("--offset is added to the scheduler's number of the task: --cell and --shard name theirs")
	case o.Cell != "":
		i, err := number("--cell", o.Cell)
		if err != nil {
			return 0, 0, "", err
		}
		return cell(i, n, "--cell "+o.Cell)
	case o.Shard != "":
		i, of, ok := strings.Cut(o.Shard, "/")
		if !ok {
			return 0, 0, "", misuse("--shard %s: want I/N, as in 0/8 to 7/8", o.Shard)
		}
		at, err := number("--shard", i)
		if err != nil {
			return 0, 0, "", err
		}
		parts, err := number("--shard", of)
		if err != nil {
			return 0, 0, "", err
		}
		return shard(at, parts, n, "--shard "+o.Shard)
	}
	task, name, err := task(env)
	switch {
	case err != nil:
		return 0, 0, "", err
	case name == "" && o.Shards == 0 && o.Offset == 0:
		return 0, n, "all cells", nil
	case name == "":
		return 0, 0, "", misuse("--shards and --offset want the scheduler's number of the task, and neither %s nor %s is "+
			"set: use --shard I/N", envSlurm, envKubernetes)
	}
	how = fmt.Sprintf("%s=%d", name, task)
	if o.Offset > 0 {
		how += fmt.Sprintf(" and --offset %d", o.Offset)
	}
	if o.Shards == 0 {
		return cell(task+o.Offset, n, how)
	}
	return shard(task+o.Offset, o.Shards, n, how)
}

// task is the number that a scheduler gave this process; name is "" without one.
func task(env func(string) string) (n int, name string, err error) {
	for _, known := range []string{envSlurm, envKubernetes} {
		text := env(known)
		if text == "" {
			continue
		}
		if name != "" {
			return 0, "", misuse("both %s and %s are set: say which cells with --cell or --shard", name, known)
		}
		if n, err = number(known, text); err != nil {
			return 0, "", err
		}
		name = known
	}
	return n, name, nil
}

func number(what, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, misuse("%s: %q is no number from 0 on", what, text)
	}
	return n, nil
}

func cell(i, n int, how string) (first, end int, _ string, err error) {
	if i >= n {
		return 0, 0, "", misuse("%s: cell %d is asked for, the plan's are 0 to %d", how, i, n-1)
	}
	return i, i + 1, how, nil
}

// shard is a run of neighbours, which share pictures, model and trainings. Of
// more shards than cells, some are empty.
func shard(i, parts, n int, how string) (first, end int, _ string, err error) {
	if parts < 1 || i >= parts {
		return 0, 0, "", misuse("%s: shard %d of %d is asked for, they are 0 to %d", how, i, parts, parts-1)
	}
	return i * n / parts, (i + 1) * n / parts, fmt.Sprintf("%s, shard %d of %d", how, i, parts), nil
}
