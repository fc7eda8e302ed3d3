package bench

import (
	"context"
	"errors"
	"time"
)

// steps times a training from within: its progress function calls step for every
// step, and the training is stopped when enough was timed. An engine that works
// through a queue reports steps in bursts, so groups end between bursts.
type steps struct {
	stop   context.CancelFunc
	sample sample
	seen   int
	mark   time.Time // when the group began: the end of a burst
	last   time.Time // of the steps that were reported
	n      int       // steps of the group

	begin   func() *watch // starts to watch the hardware, at the first step that is timed
	watch   *watch
	watched float64 // steps after that one
	hostAt  float64 // processor time at that one
	host    float64 // since, at the last step
}

const (
	withinBurst = 20 * time.Microsecond // a step takes longer
	warmUpSteps = 3                     // compile and record
)

func (s *steps) step() {
	now := time.Now()
	s.seen++
	burst := s.seen > 1 && now.Sub(s.last) < withinBurst
	if s.seen <= warmUpSteps || burst && s.n == 0 {
		s.mark, s.last, s.n = now, now, 0
		return
	}
	if s.begin != nil {
		s.watch, s.begin = s.begin(), nil
		s.hostAt = processorTime()
	} else {
		s.watched++
		s.host = processorTime() - s.hostAt
	}
	if !burst {
		s.close(s.sample.target())
	}
	s.last = now
	s.n++
}

// close ends the group at the last step reported if it took so long.
func (s *steps) close(least time.Duration) {
	if took := s.last.Sub(s.mark); s.n > 0 && took >= least {
		s.sample.add(took.Seconds()/float64(s.n), s.n)
		s.mark, s.n = s.last, 0
		if s.sample.done() {
			s.stop()
		}
	}
}

// timing is that of a step.
func (s *steps) timing() (Timing, error) {
	if len(s.sample.groups) == 0 {
		s.close(1)
	}
	if len(s.sample.groups) == 0 {
		return Timing{}, errors.New("the training ended before a step could be timed")
	}
	t := s.sample.timing()
	if s.watched > 0 {
		t.Host = s.host / s.watched
	}
	return t, nil
}
