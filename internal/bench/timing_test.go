package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestASampleStopsWhenItsWindowIsCalm feeds groups that agree from the 6th on,
// and wants the last ten of them alone to count.
func TestASampleStopsWhenItsWindowIsCalm(t *testing.T) {
	s := sample{budget: time.Minute, relStd: 0.005, least: 3}
	n := 0
	for ; !s.done(); n++ {
		v := 0.1
		if n < 5 {
			v = 0.2
		}
		s.add(v*(1+0.002*float64(n%3-1)), 4)
	}
	got := s.timing()
	if n != 15 || got.Unmet != "" || got.Window != Window || got.Groups != 15 || got.Runs != 40 || got.GroupRuns != 4 ||
		math.Abs(got.Seconds-0.1) > 1e-9 || got.Spread > 1.005 || got.RelStd > 0.005 || got.RelStd < 0.001 {
		t.Errorf("after %d groups: %+v", n, got)
	}
}

// TestASampleSaysWhatItMissed wants the criterion in words when the time is up.
func TestASampleSaysWhatItMissed(t *testing.T) {
	for _, c := range []struct {
		times []float64
		want  []string
	}{
		{[]float64{0.5, 0.6, 0.4}, []string{"3 groups, 10 are wanted",
			"relative standard deviation 20%, 0.5% is wanted"}},
		{[]float64{0.1, 0.12, 0.1, 0.12, 0.1, 0.12, 0.1, 0.12, 0.1, 0.12},
			[]string{"relative standard deviation 9.6%"}},
		{[]float64{1.2}, []string{"1 group, 10 are wanted"}},
	} {
		s := sample{budget: time.Second, relStd: 0.005, least: 1}
		for _, v := range c.times {
			s.add(v, 1)
		}
		if !s.done() {
			t.Errorf("%v: not done after its time", c.times)
		}
		got := s.timing().Unmet
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%v: %q, want %q", c.times, got, w)
			}
		}
	}
}

// TestTheWindowAgainstNumPy compares with np.median, np.mean and
// np.std(ddof=1)/np.mean of NumPy 2.4.6.
func TestTheWindowAgainstNumPy(t *testing.T) {
	s := sample{}
	for _, v := range []float64{0.31, 0.29, 0.3, 0.305, 0.298, 0.33} {
		s.add(v, 2)
	}
	got := s.window()
	if math.Abs(got.Seconds-0.3025) > 1e-12 || math.Abs(got.Mean-0.3055) > 1e-12 ||
		math.Abs(got.RelStd-0.045060228798481886) > 1e-12 || math.Abs(got.Spread-0.33/0.29) > 1e-12 {
		t.Errorf("%+v", got)
	}
}
