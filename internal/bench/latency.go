package bench

import (
	"fmt"
	"image"
	"math"
	"slices"
	"time"

	"clipcalib/internal/imageio"
	"clipcalib/vit"
	"clipcalib/weights"
)

// Latency is how long single requests took, one after the other. Percentiles are
// by nearest rank: the least time that so many percent of the requests kept.
type Latency struct {
	Requests int     `json:"requests"`
	P50      float64 `json:"p50_s"`
	P90      float64 `json:"p90_s"`
	P99      float64 `json:"p99_s,omitempty"` // left out of fewer than PercentileNeeds requests
	Max      float64 `json:"max_s"`
}

// PercentileNeeds is the number of requests from which a 99th percentile is
// told: of fewer it is the slowest.
const PercentileNeeds = 200

// latencyOf sorts times and takes the percentiles.
func latencyOf(times []float64) Latency {
	slices.Sort(times)
	at := func(p float64) float64 { return times[int(math.Ceil(p*float64(len(times))))-1] }
	l := Latency{Requests: len(times), P50: at(0.5), P90: at(0.9), Max: times[len(times)-1]}
	if len(times) >= PercentileNeeds {
		l.P99 = at(0.99)
	}
	return l
}

// requests measures one request after the other for the whole budget: a
// percentile needs many, and calm alone does not end it.
func (m *meter) requests(f Figure, do func() error, flop, bytes float64) error {
	const warmUp = 5
	for range warmUp {
		if err := do(); err != nil {
			return err
		}
	}
	s := m.newSample()
	var all []float64
	var inGroup float64
	grouped := 0
	w := m.startWatch()
	host := processorTime()
	enough := func() bool { return s.took+inGroup >= max(s.budget.Seconds(), s.atLeast) && len(s.groups) >= s.least }
	for !enough() {
		if err := m.ctx.Err(); err != nil {
			w.stop(1)
			return err
		}
		begun := time.Now()
		if err := do(); err != nil {
			w.stop(1)
			return err
		}
		t := max(time.Since(begun).Seconds(), 1e-9)
		all = append(all, t)
		inGroup += t
		if grouped++; inGroup >= s.target().Seconds() {
			s.add(inGroup/float64(grouped), grouped)
			inGroup, grouped = 0, 0
		}
	}
	host = processorTime() - host
	m.seen = w.stop(float64(len(all)))
	t := s.timing()
	t.Host = host / float64(len(all))
	l := latencyOf(all)
	if l.P99 == 0 {
		t.Unmet = joinedBy("; ", t.Unmet, fmt.Sprintf("%d requests, a 99th percentile wants %d", l.Requests,
			PercentileNeeds))
	}
	f.Latency = &l
	m.add(f, t, 1, flop, bytes)
	return nil
}

// latency measures single pictures, cropped ones and JPEG files, to features.
func (m *meter) latency(name string, ck *weights.Checkpoint) error {
	m.Note(fmt.Sprintf("%s %s: single requests", m.run.Precision, name))
	v, err := vit.NewEncoder(ck, vit.Options{Device: m.device, Batch: 1})
	if err != nil {
		return err
	}
	defer v.Close()
	w := imageWork(v.Config(), 1)
	picture := noisePictures(v, 1)
	if err := m.requests(Figure{What: "single image", Model: name, Batch: 1, Unit: "images/s"}, func() error {
		_, err := v.EncodeBatch(m.ctx, picture)
		return err
	}, w.flop(), m.bytes(w)); err != nil {
		return err
	}
	files, err := m.jpegFiles()
	if err != nil {
		return err
	}
	loader := vit.Loader{Preprocessor: v.Preprocessor(), BatchSize: 1, Strict: true}
	next := 0
	return m.requests(Figure{What: "single JPEG file", Model: name, Batch: 1, Unit: "images/s"}, func() error {
		path := files[next%len(files)]
		next++
		open := func(int) (image.Image, error) { return imageio.Open(path) }
		for b, err := range loader.Batches(m.ctx, 1, open) {
			if err != nil {
				return err
			}
			if _, err := v.EncodeBatch(m.ctx, b); err != nil {
				return err
			}
		}
		return nil
	}, w.flop(), m.bytes(w))
}
