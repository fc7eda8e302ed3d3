package cli

import (
	"errors"
	"strconv"

	"clipcalib/internal/lanes"

	"github.com/spf13/cobra"
)

// addJobs adds the flag of commands that train more than once.
func (a *app) addJobs(c *cobra.Command) {
	c.Flags().Var((*jobsFlag)(&a.jobs), "jobs", "trainings at a time, which share the threads; the results are the same. "+
		"0: one a thread for adapters and for small models, else one; on a GPU one")
}

// jobsFlag is a number that is not negative.
type jobsFlag int

func (j *jobsFlag) String() string { return strconv.Itoa(int(*j)) }
func (j *jobsFlag) Type() string   { return "int" }

func (j *jobsFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return errors.New("want 1 or more, or 0 to leave it to the program")
	}
	*j = jobsFlag(n)
	return nil
}

// oneJob says that there is nothing for --jobs to do.
func (a *app) oneJob() {
	if a.jobs > 1 {
		a.note("--jobs %d: there is one training", a.jobs)
	}
}

// openLanes opens the lanes for work on the device, which is open. The caller
// closes them before the models.
func (a *app) openLanes(w lanes.Work) (*lanes.Set, error) {
	n, err := lanes.Number(a.jobs, a.opened, w)
	if err != nil {
		return nil, usagef("--jobs: %w", err)
	}
	if n < a.jobs {
		a.note("--jobs %d: %d at a time, as there are no more trainings or threads", a.jobs, n)
	}
	if n > 1 {
		a.note("%d trainings at a time", n)
	}
	return lanes.Open(a.opened, n)
}
