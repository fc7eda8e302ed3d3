package schedule

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Tasks says which tasks are scheduled, and what each needs. Paths are those
// that a task sees.
type Tasks struct {
	Name    string // of the job; see [Name]
	Program string // path of clipcalib, or its name; for Slurm
	Plan    string
	Results string
	Bank    string   // "" is the program's default
	Scratch string   // likewise
	Maps    []string // for --map

	Cells  int
	Shards int // of the cells; 0 is a task a cell
	AtOnce int // most tasks at a time; 0 is no bound

	Retries   int           // of a task that asks for another try
	Time      time.Duration // a try may take; 0 is the cluster's
	MemoryMiB int64
	CPUs      int
	GPUs      int

	// For Kubernetes.
	Image     string
	Namespace string
	Queue     string  // of Kueue
	Claims    []Claim // volumes
}

// Claim is a PersistentVolumeClaim and the path that it is mounted at.
type Claim struct{ Name, Path string }

// Count is the number of tasks.
func (t Tasks) Count() int {
	if t.Shards > 0 {
		return t.Shards
	}
	return t.Cells
}

// Check refuses what no scheduler can do.
func (t Tasks) Check() error {
	switch {
	case t.Cells < 1:
		return errors.New("there are no cells")
	case t.Shards < 0 || t.AtOnce < 0 || t.Retries < 0 || t.GPUs < 0:
		return errors.New("--shards, --at-once, --retries and --gpus want 0 or more")
	case t.Shards > t.Cells:
		return fmt.Errorf("--shards %d: there are %d cells, so some would be empty", t.Shards, t.Cells)
	case t.CPUs < 1 || t.MemoryMiB < 1:
		return errors.New("--cpus and --memory want at least 1")
	case t.Time < 0 || t.Time > 0 && t.Time < time.Minute:
		return errors.New("--time wants at least 1m")
	case t.Results == "":
		return errors.New("--results is missing: name the folder of the results, as the tasks see it")
	}
	for _, path := range append([]string{t.Plan, t.Results, t.Bank, t.Scratch, t.Program}, t.Maps...) {
		if strings.ContainsAny(path, "\n\r\x00") {
			return fmt.Errorf("%q: a path with a line break cannot go into a script", path)
		}
	}
	return nil
}

// run is the command of a task. The scheduler's number of the task is in its
// environment.
func (t Tasks) run() []string {
	args := []string{"run", t.Plan, "--out", t.Results, "--partial-ok"}
	if t.Shards > 0 {
		args = append(args, "--shards", fmt.Sprint(t.Shards))
	}
	if t.Bank != "" {
		args = append(args, "--bank", t.Bank)
	}
	if t.Scratch != "" {
		args = append(args, "--scratch", t.Scratch)
	}
	for _, m := range t.Maps {
		args = append(args, "--map", m)
	}
	if t.GPUs > 0 {
		args = append(args, "--device", "cuda")
	} else {
		args = append(args, "--device", "cpu", "--threads", fmt.Sprint(t.CPUs))
	}
	return args
}

// longest is that of a job's name: a pod's host name has its number behind it.
const longest = 50

// Name makes a plan's file the name of a job, as Kubernetes wants names.
func Name(path string) string {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(base, "-")
	name = "clipcalib-" + strings.Trim(name, "-")
	return strings.TrimRight(name[:min(len(name), longest)], "-")
}

// IsName reports whether Kubernetes takes a name.
func IsName(name string) bool {
	return len(name) <= 63 && regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`).MatchString(name)
}
