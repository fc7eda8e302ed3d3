package bench

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
)

// meterOfPower draws constant power by the clock.
type meterOfPower struct {
	begun  time.Time
	counts bool
	broken bool
}

func (p *meterOfPower) Name() string { return "made" }
func (p *meterOfPower) Close() error { return nil }
func (p *meterOfPower) Read() (engine.Reading, error) {
	if p.broken {
		return engine.Reading{}, errors.New("the sensors fell off")
	}
	r := engine.Reading{Values: map[string]float64{"sm_clock_mhz": 1500, "power_w": 200},
		Throttled: []string{"power cap"},
		Joules:    1e6 + 200*time.Since(p.begun).Seconds(), Counts: p.counts}
	if !p.counts {
		r.Missing = []string{"energy: Not Supported"}
	}
	return r, nil
}

// measurePower measures a tiny model's pictures and CoOp with sensors.
func measurePower(t *testing.T, s engine.Sensors, err error) Run {
	t.Helper()
	r, failed := Measure(t.Context(), Options{Device: device.Options{Kind: "cpu", Threads: 1}, Models: []string{"tiny"},
		Batches: []int{2}, Classes: 3, Parts: []string{Prompts, CoOp}, Prompts: 3, Budget: time.Millisecond,
		Power:       true,
		Sensors:     func(*device.Device) (engine.Sensors, error) { return s, err },
		shortEnergy: 300 * time.Millisecond})
	if failed != nil {
		t.Fatal(failed)
	}
	return r.Runs[0]
}

// TestEnergyIsOfEverythingThatRan wants power times time, and joules an item
// that fit the rate.
func TestEnergyIsOfEverythingThatRan(t *testing.T) {
	run := measurePower(t, &meterOfPower{begun: time.Now(), counts: true}, nil)
	for _, f := range run.Figures {
		c := f.Conditions
		if c == nil || c.Seconds < 0.3 || math.Abs(c.Watts-200) > 20 || c.Throttled["power cap"] != 1 ||
			c.Values["sm_clock_mhz"] != (Range{1500, 1500, 1500}) {
			t.Fatalf("%s: %+v", f.What, c)
		}
		items := float64(f.Groups * f.GroupRuns * f.Items)
		if got := c.Joules / c.JoulesPerItem; got < items/2 || got > items*2 || c.Joules < 150*f.Timed {
			t.Errorf("%s: %g items of %g by groups, %g J in %g s", f.What, got, items, c.Joules, f.Timed)
		}
	}
	g, notes := run.Grid()
	if g.Header[len(g.Header)-1] != "W" || !strings.Contains(strings.Join(notes, "\n"), "power cap in 100%") {
		t.Errorf("%q %q", g.Header, notes)
	}
}

// TestWhatIsNotReadIsSaid wants a reason where there is no energy.
func TestWhatIsNotReadIsSaid(t *testing.T) {
	absent := &engine.Unavailable{Why: "no counters", Remedy: "none"}
	for want, s := range map[string]engine.Sensors{"energy: Not Supported": &meterOfPower{begun: time.Now()},
		"the sensors fell off": &meterOfPower{broken: true}, "no counters": nil} {
		run := measurePower(t, s, map[bool]error{true: absent}[s == nil])
		_, notes := run.Grid()
		if !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("no %q in %q", want, notes)
		}
		for _, f := range run.Figures {
			if c := f.Conditions; c != nil && (c.Joules != 0 || c.JoulesPerItem != 0) {
				t.Errorf("%s: energy out of nothing: %+v", f.What, c)
			}
		}
	}
	short := &watch{sensors: &meterOfPower{begun: time.Now(), counts: true}, window: EnergyWindow, wanted: true,
		quit:   make(chan struct{}),
		values: map[string][]float64{}, throttled: map[string]int{}, missing: map[string]bool{}}
	short.read()
	short.first, short.begun = short.last, short.lastAt
	if c := short.stop(1); c.Joules != 0 || len(c.Missing) != 1 || !strings.Contains(c.Missing[0], "10 are needed") {
		t.Errorf("%+v", c)
	}
}
