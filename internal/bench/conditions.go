package bench

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"clipcalib/internal/engine"
)

// Conditions are the state of the hardware while a figure was timed.
type Conditions struct {
	Source   string           `json:"source"` // as in "NVML, driver 580.95.05"
	Seconds  float64          `json:"seconds"`
	Readings int              `json:"readings"`
	Values   map[string]Range `json:"values,omitempty"` // by quantity and unit
	// Throttled is the share of the readings at which the clocks were held down,
	// by reason.
	Throttled map[string]float64 `json:"throttled,omitempty"`
	// Joules is the energy of the window and Watts its mean power; JoulesPerItem
	// that of an image, prompt, step or training. Windows shorter than EnergyWindow
	// have none: counters are refreshed ten to fifty times a second.
	Joules        float64  `json:"joules,omitempty"`
	Watts         float64  `json:"watts,omitempty"`
	JoulesPerItem float64  `json:"joules_per_item,omitempty"`
	Missing       []string `json:"missing,omitempty"`
}

// Range is of the readings of a quantity.
type Range struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

// EnergyWindow is the least time that energy is told of.
const EnergyWindow = 10 * time.Second

// readingEvery is the time between two readings.
const readingEvery = 100 * time.Millisecond

// watch reads sensors until it is stopped.
type watch struct {
	sensors engine.Sensors
	window  time.Duration // least, for energy
	wanted  bool          // energy was asked for
	begun   time.Time
	quit    chan struct{}
	done    sync.WaitGroup

	first, last engine.Reading
	lastAt      time.Time
	values      map[string][]float64
	throttled   map[string]int
	missing     map[string]bool
	readings    int
	err         error
}

// startWatch reads s for the first time and goes on beside the caller. Without
// sensors it does nothing.
func (m *meter) startWatch() *watch {
	if m.sensors == nil {
		return nil
	}
	w := &watch{sensors: m.sensors, window: m.energyWindow, wanted: m.Power, quit: make(chan struct{}),
		values:    map[string][]float64{},
		throttled: map[string]int{}, missing: map[string]bool{}}
	w.read()
	w.first, w.begun = w.last, w.lastAt
	w.done.Go(func() {
		t := time.NewTicker(readingEvery)
		defer t.Stop()
		for {
			select {
			case <-w.quit:
				return
			case <-t.C:
				w.read()
			}
		}
	})
	return w
}

// read takes a reading in.
func (w *watch) read() {
	if w.err != nil {
		return
	}
	r, err := w.sensors.Read()
	if err != nil {
		w.err = err
		return
	}
	w.last, w.lastAt = r, time.Now()
	w.readings++
	for name, v := range r.Values {
		w.values[name] = append(w.values[name], v)
	}
	for _, reason := range r.Throttled {
		w.throttled[reason]++
	}
	for _, what := range r.Missing {
		w.missing[what] = true
	}
}

// stop takes the last reading and returns what was seen while items were done.
func (w *watch) stop(items float64) *Conditions {
	if w == nil {
		return nil
	}
	close(w.quit)
	w.done.Wait()
	w.read()
	c := &Conditions{Source: w.sensors.Name(), Readings: w.readings, Missing: slices.Sorted(maps.Keys(w.missing))}
	if w.err != nil {
		c.Missing = append(c.Missing, w.err.Error())
		return c
	}
	c.Seconds = w.lastAt.Sub(w.begun).Seconds()
	c.Values = map[string]Range{}
	for name, v := range w.values {
		r := Range{Min: slices.Min(v), Max: slices.Max(v)}
		for _, x := range v {
			r.Mean += x
		}
		r.Mean /= float64(len(v))
		c.Values[name] = r
	}
	for reason, n := range w.throttled {
		if c.Throttled == nil {
			c.Throttled = map[string]float64{}
		}
		c.Throttled[reason] = float64(n) / float64(w.readings)
	}
	c.energy(w, items)
	return c
}

func (c *Conditions) energy(w *watch, items float64) {
	joules := w.last.Joules - w.first.Joules
	switch {
	case !w.first.Counts || !w.last.Counts: // the sensors have said why
	case c.Seconds < w.window.Seconds() && !w.wanted: // nobody asked
	case c.Seconds < w.window.Seconds():
		c.Missing = append(c.Missing, fmt.Sprintf("energy: over %.1f s, %.3g are needed ", c.Seconds,
			w.window.Seconds()))
	case !(items > 0):
		c.Missing = append(c.Missing, "energy: nothing was done while the counter ran")
	case !(joules > 0) || math.IsInf(joules, 0):
		c.Missing = append(c.Missing, fmt.Sprintf("energy: the counter went by %g joules", joules))
	default:
		c.Joules, c.Watts, c.JoulesPerItem = joules, joules/c.Seconds, joules/items
	}
}

// openSensors opens the device's sensors, or says why there are none. Of a
// processor they are read for energy alone: its clocks are asked of every core.
func (m *meter) openSensors() {
	if m.device.Kind() == "cpu" && !m.Power {
		return
	}
	open := m.Sensors
	if open == nil {
		open = sensorsOf
	}
	s, err := open(m.device)
	if err != nil {
		var u *engine.Unavailable
		m.run.NoSensors = err.Error()
		if errors.As(err, &u) {
			m.run.NoSensors = u.Why
		}
		m.Note(m.run.Precision + ": no clocks, power and energy: " + err.Error())
		return
	}
	m.sensors = s
	m.energyWindow = EnergyWindow
	if m.shortEnergy > 0 {
		m.energyWindow = m.shortEnergy
	}
}

// summary is the state in a few words, for tables.
func (c *Conditions) summary() string {
	if c == nil {
		return ""
	}
	var out []string
	for _, q := range []struct{ name, format string }{{"sm_clock_mhz", "SM %.0f MHz"}, {"clock_mhz", "%.0f MHz"},
		{"memory_clock_mhz", "memory %.0f MHz"}, {"temperature_c", "%.0f °C"}} {
		if v, ok := c.Values[q.name]; ok {
			out = append(out, fmt.Sprintf(q.format, v.Mean))
		}
	}
	switch p, ok := c.Values["power_w"]; {
	case c.Watts > 0:
		out = append(out, fmt.Sprintf("%.0f W over %.0f s", c.Watts, c.Seconds))
	case ok:
		out = append(out, fmt.Sprintf("%.0f W as read", p.Mean))
	}
	for _, reason := range slices.Sorted(maps.Keys(c.Throttled)) {
		out = append(out, fmt.Sprintf("held down by %s in %.0f%% of %d readings", reason, 100*c.Throttled[reason],
			c.Readings))
	}
	return strings.Join(out, ", ")
}
