// Package lanes runs the trainings of one command side by side.
//
// A small training does not fill the cores: its kernels are too short to be cut
// into many parts. So several run at once, each in a lane: an engine, and where
// towers are needed a view of the model's weights, on its part of the threads. The
// threads are parted among the lanes at work, so those that are left at the end of
// a grid have all of them. Kernels give the same bytes for any number of threads,
// so a result does not depend on the lane that it was made in, nor on their
// number.
package lanes

import (
	"context"
	"errors"
	"iter"
	"sync"

	"clipcalib/internal/caught"
	"clipcalib/internal/clip"
	"clipcalib/internal/device"
)

// Lane is where one training runs at a time.
type Lane struct {
	Device *device.Device

	own   *device.Device // that the lanes are beside
	model *clip.Model    // on Device, where that is not own
	of    *clip.Model    // what model is beside
}

// Model returns m on the lane's device. It is the lane's, who closes it.
func (l *Lane) Model(m *clip.Model) (*clip.Model, error) {
	if m == nil || m.Device == l.Device {
		return m, nil
	}
	if l.of == m {
		return l.model, nil
	}
	l.closeModel()
	beside, err := clip.Beside(m, l.Device)
	if err != nil {
		return nil, err
	}
	l.of, l.model = m, beside
	return beside, nil
}

func (l *Lane) closeModel() {
	if l.model != nil {
		l.model.Close()
	}
	l.of, l.model = nil, nil
}

// Lock locks mu for a job of the lane, which meanwhile leaves its threads to the
// others.
func (l *Lane) Lock(mu sync.Locker) {
	device.Busy(l.own, -1)
	mu.Lock()
	device.Busy(l.own, 1)
}

// Set is a number of lanes.
type Set struct{ lanes []*Lane }

// Open returns n lanes on the threads of d, which is the first's device. The
// caller closes them, before d and before the models that jobs asked them for.
func Open(d *device.Device, n int) (*Set, error) {
	s := &Set{lanes: []*Lane{{Device: d, own: d}}}
	for len(s.lanes) < n {
		beside, err := device.Beside(d)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.lanes = append(s.lanes, &Lane{Device: beside, own: d})
	}
	return s, nil
}

// Len is the number of lanes.
func (s *Set) Len() int { return len(s.lanes) }

// Close gives back all but the device that the lanes were opened on.
func (s *Set) Close() error {
	var err error
	for _, l := range s.lanes {
		l.closeModel()
		if l.Device != l.own {
			err = errors.Join(err, l.Device.Close())
		}
	}
	s.lanes = nil
	return err
}

// Job is one training.
type Job struct {
	// After, unless empty, is what the job has in common with others: they run one
	// after another, in their order.
	After string
	// Do does it. An error, or a panic, ends all jobs.
	Do func(ctx context.Context, l *Lane) error
}

// Each does jobs until the first error, which it returns, or until ctx ends. Of
// several errors it is that of the job that came first. The sequence is asked for
// one job ahead, by the calling goroutine alone: a sequence may prepare what jobs
// share. With one lane, the next job is asked for when the last is done.
func (s *Set) Each(ctx context.Context, jobs iter.Seq[Job]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if len(s.lanes) == 1 {
		for j := range jobs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := caught.Call(func() error { return j.Do(ctx, s.lanes[0]) }); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	f := &flow{ctx: ctx, cancel: cancel, behind: map[string][]numbered{}, free: make(chan *Lane, len(s.lanes))}
	for _, l := range s.lanes {
		f.free <- l
	}
	defer func() { cancel(); f.running.Wait() }() // where the sequence panics
	n := 0
	for j := range jobs {
		if ctx.Err() != nil {
			break
		}
		f.take(numbered{j, n})
		n++
	}
	f.running.Wait()
	if f.err != nil {
		return f.err
	}
	return ctx.Err()
}

type numbered struct {
	Job
	number int
}

// flow is jobs on their way through several lanes.
type flow struct {
	ctx     context.Context
	cancel  context.CancelFunc
	free    chan *Lane
	running sync.WaitGroup

	mu     sync.Mutex
	behind map[string][]numbered // those that wait for one that runs, by what they have in common
	err    error
	failed int // the number of the job that err is of
}

// take starts a job as soon as a lane is free, or leaves it to the lane that does
// the one before it.
func (f *flow) take(j numbered) {
	if j.After != "" {
		f.mu.Lock()
		waiting, runs := f.behind[j.After]
		f.behind[j.After] = waiting
		if runs {
			f.behind[j.After] = append(waiting, j)
		}
		f.mu.Unlock()
		if runs {
			return
		}
	}
	l := <-f.free
	f.running.Go(func() {
		defer func() { f.free <- l }()
		device.Busy(l.own, 1)
		defer device.Busy(l.own, -1)
		for ok := true; ok; j, ok = f.next(j) {
			f.do(j, l)
		}
	})
}

// next returns the job behind one that is done.
func (f *flow) next(done numbered) (j numbered, ok bool) {
	if done.After == "" {
		return j, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	waiting := f.behind[done.After]
	if len(waiting) == 0 {
		delete(f.behind, done.After)
		return j, false
	}
	f.behind[done.After] = waiting[1:]
	return waiting[0], true
}

func (f *flow) do(j numbered, l *Lane) {
	if f.ctx.Err() != nil {
		return
	}
	err := caught.Call(func() error { return j.Do(f.ctx, l) })
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// What ends because another has failed is not what went wrong.
	if f.err == nil || j.number < f.failed && !errors.Is(err, context.Canceled) {
		f.err, f.failed = err, j.number
	}
	f.cancel()
}
