package cpu

import (
	"testing"
	"time"
)

// TestPeakIsMeasuredForATime wants few rounds of a processor that is slow, as an
// emulated one is, and more of one that is fast.
func TestPeakIsMeasuredForATime(t *testing.T) {
	for _, c := range []struct {
		round       time.Duration
		least, most int
	}{{20 * time.Microsecond, peakRounds, 8 * peakRounds}, {100 * time.Nanosecond, 10 * peakRounds, 1 << 20}} {
		done := 0
		rate := peakRate(1, func(rounds int) float64 {
			for end := time.Now().Add(time.Duration(rounds) * c.round); time.Now().Before(end); {
			}
			done += rounds
			return 1e6 * float64(rounds)
		})
		if done < c.least || done > c.most {
			t.Errorf("%d rounds of %v", done, c.round)
		}
		if want := 1e6 / float64(c.round.Nanoseconds()); rate > 1.01*want || rate < want/3 {
			t.Errorf("rate %g of %g", rate, want)
		}
	}
	if rate := peakRate(2, func(int) float64 { return 0 }); rate != 0 {
		t.Errorf("rate %g of nothing", rate)
	}
}
