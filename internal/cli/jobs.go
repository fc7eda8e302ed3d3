package cli

import (
	"clipcalib/internal/lanes"

	"github.com/spf13/cobra"
)

// addJobs adds the flag of commands that train more than once.
func (a *app) addJobs(c *cobra.Command) {
	c.Flags().IntVar(&a.jobs, "jobs", a.jobs, "trainings at a time, which share the threads; the results are the same. "+
		"0: one a thread for adapters and for small models, else one; on a GPU one")
}

// openLanes opens the lanes for work on the device, which is open. The caller
// closes them before the models.
func (a *app) openLanes(w lanes.Work) (*lanes.Set, error) {
	n, err := lanes.Number(a.jobs, a.opened, w)
	if err != nil {
		return nil, usagef("--jobs: %w", err)
	}
	if n < a.jobs {
		a.note("--jobs %d: %d at a time, one a thread", a.jobs, n)
	}
	if n > 1 {
		a.note("%d trainings at a time", n)
	}
	return lanes.Open(a.opened, n)
}
