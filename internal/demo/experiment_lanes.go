package demo

import (
	"cmp"
	"context"
	"sync"

	"clipcalib/internal/lanes"
)

// each does jobs in the experiment's lanes. An error of the sequence, too, ends
// them.
func (e Experiment) each(ctx context.Context, jobs func(yield func(lanes.Job) bool) error) error {
	set := e.Lanes
	if set == nil {
		var err error
		if set, err = lanes.Open(e.Source.Model.Device, 1); err != nil {
			return err
		}
		defer set.Close()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	err := set.Each(ctx, func(yield func(lanes.Job) bool) {
		if failed = jobs(yield); failed != nil {
			cancel()
		}
	})
	return cmp.Or(failed, err)
}

// counter tells how far work is that several lanes do.
type counter struct {
	e     Experiment
	what  string
	mu    sync.Mutex
	n     int
	total int
}

func (e Experiment) count(what string) *counter { return &counter{e: e, what: what} }

func (c *counter) of(total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total = total
}

func (c *counter) done(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	c.e.tell(c.what, c.n, c.total)
}

func (e Experiment) tell(what string, done, total int) {
	if e.Progress != nil {
		e.Progress(what, done, total)
	}
}

func (e Experiment) made(steps int) {
	if e.Steps != nil {
		e.Steps(steps)
	}
}
