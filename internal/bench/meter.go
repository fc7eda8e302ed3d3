package bench

import (
	"context"
	"errors"
	"sort"
	"time"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
)

// meter measures in one precision.
type meter struct {
	Options
	ctx                context.Context
	device             *device.Device
	e                  engine.Engine // the device's
	run                Run
	activation, weight float64 // bytes of a value
}

// timing is what one run took.
type timing struct {
	seconds float64 // median
	runs    int
	spread  float64 // slowest over fastest group
}

// groups is how many times a group of runs is timed.
const groups = 5

// measure times do, which runs n times and then waits for the engine. It warms
// up first. Runs that are short beside the budget are timed in groups, so that
// neither their start nor the wait is measured; very long ones are timed twice.
func (m *meter) measure(do func(n int) error) (timing, error) {
	timed := func(n int) (float64, error) {
		if err := m.ctx.Err(); err != nil {
			return 0, err
		}
		begun := time.Now()
		err := do(n)
		return time.Since(begun).Seconds() / float64(n), err
	}
	if _, err := timed(1); err != nil { // compiles
		return timing{}, err
	}
	once, err := timed(1)
	if err != nil {
		return timing{}, err
	}
	budget := m.Budget.Seconds()
	n := max(1, int(budget/groups/max(once, 1e-9)))
	if n > 1 { // what one run took includes the wait: look again
		if once, err = timed(n); err != nil {
			return timing{}, err
		}
		n = max(1, int(budget/groups/max(once, 1e-9)))
	}
	var times []float64
	least := 3
	if n == 1 {
		times = append(times, once)
		if once > 2*budget {
			least = 2
		}
	}
	for begun := time.Now(); len(times) < least || len(times) < groups && time.Since(begun) < m.Budget; {
		t, err := timed(n)
		if err != nil {
			return timing{}, err
		}
		times = append(times, t)
	}
	return summary(times, n), nil
}

// summary is the timing of groups of n runs.
func summary(times []float64, n int) timing {
	sort.Float64s(times)
	return timing{times[len(times)/2], n * len(times), times[len(times)-1] / times[0]}
}

// add completes a figure: items are done in a run, which takes flop operations
// and moves at least bytes.
func (m *meter) add(f Figure, t timing, items int, flop, bytes float64) {
	f.Seconds, f.Runs, f.Spread = t.seconds, t.runs, t.spread
	f.Rate = float64(items) / t.seconds
	f.GFLOPS, f.GBS = flop/t.seconds/1e9, bytes/t.seconds/1e9
	if m.run.PeakGFLOPS > 0 {
		f.Share, f.BandwidthShare = f.GFLOPS/m.run.PeakGFLOPS, f.GBS/m.run.BandwidthGBS
	}
	m.run.Figures = append(m.run.Figures, f)
}

// steps times a training from within: its progress function calls step for every
// step, and the training is stopped when the budget is spent. An engine that
// works through a queue reports steps in bursts, so bursts are what is timed.
type steps struct {
	stop   context.CancelFunc
	budget time.Duration
	bursts []burst
	seen   int
}

type burst struct {
	at    time.Time // of its last step
	steps int
}

const (
	withinBurst = 20 * time.Microsecond // a step takes longer
	warmUpSteps = 3                     // compile and record
)

func (s *steps) step() {
	now := time.Now()
	s.seen++
	switch last := len(s.bursts) - 1; {
	case last >= 0 && now.Sub(s.bursts[last].at) < withinBurst:
		s.bursts[last].at = now
		s.bursts[last].steps++
	case s.seen <= warmUpSteps:
		s.bursts = []burst{{now, 0}}
	default:
		s.bursts = append(s.bursts, burst{now, 1})
	}
	if n := len(s.bursts); n > 3 && now.Sub(s.bursts[0].at) >= s.budget {
		s.stop()
	}
}

// timing is that of a step, in groups of bursts.
func (s *steps) timing() (timing, error) {
	if len(s.bursts) < 2 {
		return timing{}, errors.New("the training ended before a step could be timed")
	}
	size := max(1, (len(s.bursts)-1)/groups)
	var times []float64
	runs := 0
	for i := 0; i+size < len(s.bursts); i += size {
		n := 0
		for _, b := range s.bursts[i+1 : i+size+1] {
			n += b.steps
		}
		runs += n
		times = append(times, s.bursts[i+size].at.Sub(s.bursts[i].at).Seconds()/float64(n))
	}
	t := summary(times, 1)
	t.runs = runs
	return t, nil
}
