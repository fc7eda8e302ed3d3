package bench

import (
	"context"
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

	productSize, vectorSize int // of the peaks' probes, by their places

	sensors      engine.Sensors // nil where there are none
	energyWindow time.Duration
	seen         *Conditions // of the figure that is to be added
	jpegs        jpegSet
}

// measure times do, which runs n times and then waits for the engine. It warms
// up first. Runs that are short beside the budget are timed in groups; very long
// ones are timed twice.
func (m *meter) measure(do func(n int) error) (Timing, error) {
	timed := func(n int) (float64, error) {
		if err := m.ctx.Err(); err != nil {
			return 0, err
		}
		begun := time.Now()
		err := do(n)
		return max(time.Since(begun).Seconds(), 1e-9) / float64(n), err
	}
	if _, err := timed(1); err != nil { // compiles
		return Timing{}, err
	}
	once, err := timed(1)
	if err != nil {
		return Timing{}, err
	}
	s := m.newSample()
	inGroup := func() int { return max(1, int(s.target().Seconds()/once)) }
	n := inGroup()
	if n > 1 { // what one run took includes the wait: look again
		if once, err = timed(n); err != nil {
			return Timing{}, err
		}
		n = inGroup()
	}
	if n == 1 && !m.Power {
		s.add(once, 1)
		if once > 2*s.budget.Seconds() {
			s.least = 2
		}
	}
	before := s.runs()
	w := m.startWatch()
	host := processorTime()
	for !s.done() && err == nil {
		if once, err = timed(n); err == nil {
			s.add(once, n)
		}
	}
	host = processorTime() - host
	m.seen = w.stop(s.runs() - before)
	t := s.timing()
	if runs := s.runs() - before; runs > 0 {
		t.Host = host / runs
	}
	return t, err
}

// add completes a figure: items are done in a run, which takes flop operations
// and moves at least bytes.
func (m *meter) add(f Figure, t Timing, items int, flop, bytes float64) {
	f.Timing = t
	f.Items = items
	f.Rate = float64(items) / t.Seconds
	f.GFLOPS, f.GBS = flop/t.Seconds/1e9, bytes/t.Seconds/1e9
	if f.Conditions = m.seen; f.Conditions != nil {
		f.Conditions.JoulesPerItem /= float64(items)
	}
	m.seen = nil
	m.run.Figures = append(m.run.Figures, f)
}
