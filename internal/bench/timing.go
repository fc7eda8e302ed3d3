package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Timing is how long a run took, by the last groups of runs that were timed: the
// window. Runs are timed in groups so that neither their start nor the wait for
// the engine counts.
type Timing struct {
	Seconds   float64 `json:"seconds"`                // of a run: the median of the window's groups
	Mean      float64 `json:"mean_seconds"`           // of a run: their mean
	RelStd    float64 `json:"rel_std"`                // their standard deviation over their mean
	Spread    float64 `json:"spread"`                 // the slowest over the fastest of them
	Runs      int     `json:"runs"`                   // in the window
	Window    int     `json:"window_groups"`          // in the window
	Groups    int     `json:"groups"`                 // timed in all, warming up not counted
	GroupRuns int     `json:"runs_of_a_group"`        // on the average of the window
	Timed     float64 `json:"timed_seconds"`          // all groups together
	Host      float64 `json:"host_seconds,omitempty"` // processor time of this process for a run, all cores together
	Unmet     string  `json:"unmet,omitempty"`        // the criterion that was not met when the time was up
}

// When a figure has been measured long enough, unless its time is up before.
const (
	// Window is the number of groups that a figure is of.
	Window = 10
	// LeastTime is how long they are timed at least.
	LeastTime = 500 * time.Millisecond
	// DefaultRelStd is the relative standard deviation of the window at which
	// measuring stops.
	DefaultRelStd = 0.005
)

// sample collects groups of runs until they agree or the time is up.
type sample struct {
	budget time.Duration
	relStd float64
	least  int // groups, however long they take
	// atLeast is how long to collect, in seconds, even if all is calm.
	atLeast float64
	groups  []group
	took    float64 // seconds, all groups together
}

type group struct {
	seconds float64 // of one run
	runs    int
}

// newSample collects for at most the meter's budget, but long enough for energy
// where that is asked for.
func (m *meter) newSample() sample {
	s := sample{budget: m.Budget, relStd: m.RelStd, least: 3}
	if m.Power && m.sensors != nil {
		s.atLeast = m.energyWindow.Seconds() + 2*readingEvery.Seconds()
	}
	return s
}

// runs is how many were timed.
func (s *sample) runs() (n float64) {
	for _, g := range s.groups {
		n += float64(g.runs)
	}
	return n
}

func (s *sample) add(seconds float64, runs int) {
	s.groups = append(s.groups, group{seconds, runs})
	s.took += seconds * float64(runs)
}

// target is how long a group of runs is to take.
func (s *sample) target() time.Duration { return s.budget / (3 * Window) }

// done reports whether enough was timed.
func (s *sample) done() bool {
	if len(s.groups) < s.least || s.took < s.atLeast {
		return false
	}
	if s.took >= s.budget.Seconds() {
		return true
	}
	return len(s.unmet()) == 0
}

// unmet lists the criteria that are not met.
func (s *sample) unmet() (out []string) {
	if n := len(s.groups); n < Window {
		out = append(out, fmt.Sprintf("%s, %d are wanted", count(n, "group"), Window))
	}
	if least := min(LeastTime, s.budget).Seconds(); s.took < least {
		out = append(out, fmt.Sprintf("%.3g s timed, %.3g are wanted", s.took, least))
	}
	if rel := s.window().RelStd; rel > s.relStd {
		out = append(out, fmt.Sprintf("relative standard deviation %s, %s is wanted", percent(rel), percent(s.relStd)))
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// window is the timing of the last groups.
func (s *sample) window() Timing {
	last := s.groups[max(0, len(s.groups)-Window):]
	t := Timing{Window: len(last), Groups: len(s.groups), Timed: s.took}
	times := make([]float64, len(last))
	for i, g := range last {
		times[i] = g.seconds
		t.Runs += g.runs
		t.Mean += g.seconds / float64(len(last))
	}
	t.GroupRuns = t.Runs / max(1, len(last))
	if len(times) == 0 {
		return t
	}
	slices.Sort(times)
	t.Seconds = (times[len(times)/2] + times[(len(times)-1)/2]) / 2
	t.Spread = times[len(times)-1] / times[0]
	if len(times) > 1 {
		var sum float64
		for _, v := range times {
			sum += (v - t.Mean) * (v - t.Mean)
		}
		t.RelStd = math.Sqrt(sum/float64(len(times)-1)) / t.Mean
	}
	return t
}

// timing is the window's, with the criteria that were not met.
func (s *sample) timing() Timing {
	t := s.window()
	t.Unmet = strings.Join(s.unmet(), "; ")
	return t
}
