package bench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"clipcalib/internal/device"
	"clipcalib/internal/engine/cpu"
)

// TestPercentilesAreNearestRanks compares with np.percentile(..., method=
// "inverted_cdf") of NumPy 2.4.6 on the squares of 1 to 250.
func TestPercentilesAreNearestRanks(t *testing.T) {
	var times []float64
	for i := 250; i >= 1; i-- {
		times = append(times, float64(i*i))
	}
	if got := latencyOf(times); got != (Latency{Requests: 250, P50: 15625, P90: 50625, P99: 61504, Max: 62500}) {
		t.Errorf("%+v", got)
	}
	if got := latencyOf(times[:PercentileNeeds-1]); got.P99 != 0 || strings.Contains(got.String(), "p99") {
		t.Errorf("a 99th percentile of %d: %+v", got.Requests, got)
	}
}

// TestRequestsGoOnForTheirTime wants the whole budget to be used, and an error
// of a request to end it.
func TestRequestsGoOnForTheirTime(t *testing.T) {
	e, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	d := device.Share(e)
	defer d.Close()
	m := &meter{Options: Options{Budget: 50 * time.Millisecond, RelStd: 0.5}, ctx: t.Context(), device: d, e: e}
	n := 0
	one := func() error { n++; time.Sleep(100 * time.Microsecond); return nil }
	if err := m.requests(Figure{What: "x"}, one, 1, 1); err != nil {
		t.Fatal(err)
	}
	f := m.run.Figures[0]
	if f.Latency.Requests != n-5 || f.Timed < 0.04 || f.Latency.P50 < 1e-4 || f.Latency.P90 < f.Latency.P50 {
		t.Errorf("%d requests: %+v", n, f)
	}
	broken := errors.New("broken")
	if err := m.requests(Figure{}, func() error {
		if n++; n%20 == 0 {
			return broken
		}
		return nil
	}, 1, 1); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestPercentsHaveNoExponent(t *testing.T) {
	for v, want := range map[float64]string{0.005: "0.5%", 0.0123: "1.2%", 0.125: "12%", 0.996: "100%", 2.1: "210%"} {
		if got := percent(v); got != want {
			t.Errorf("%g is %s, want %s", v, got, want)
		}
	}
}
