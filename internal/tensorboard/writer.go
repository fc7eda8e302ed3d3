// Package tensorboard writes event files that TensorBoard reads: scalars and
// histograms by step. A file grows record by record while its run goes on, so
// that TensorBoard can watch; what a killed process leaves is whole records and
// perhaps a torn last one, which TensorBoard skips.
package tensorboard

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Writer writes one event file. It is for one goroutine. What fails is kept
// until Close: a training is not given up for its log.
type Writer struct {
	f   *os.File
	err error
	now func() time.Time
}

// Create begins an event file in a folder, which it makes. Every call has a file
// of its own; TensorBoard shows the files of a folder as one run.
func Create(dir string) (*Writer, error) { return create(dir, time.Now) }

func create(dir string, now func() time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("event file: %w", err)
	}
	var f *os.File
	err := os.ErrExist
	// TensorBoard knows the file by "tfevents" and reads files in order of name.
	for n := 0; os.IsExist(err); n++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%03d.clipcalib", now().Unix(), n)
		f, err = os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("event file: %w", err)
	}
	w := &Writer{f: f, now: now}
	w.write(event{version: "brain.Event:2"})
	return w, nil
}

// Scalar notes a value by its tag at a step. Values that are no finite number are
// written as they are, and shown as gaps.
func (w *Writer) Scalar(step int, tag string, v float64) {
	w.write(event{step: step, value: value{tag: tag, scalar: &v}})
}

// Histogram notes a distribution by its tag at a step, in 30 buckets of equal
// width. Values that are no finite number are left out, and none make no record.
func (w *Writer) Histogram(step int, tag string, values []float64) {
	if h, ok := histogramOf(values); ok {
		w.write(event{step: step, value: value{tag: tag, histogram: &h}})
	}
}

func (w *Writer) write(e event) {
	if w.err != nil {
		return
	}
	now := w.now()
	e.wall = float64(now.Unix()) + float64(now.Nanosecond())/1e9
	_, w.err = w.f.Write(record(e.encode()))
}

// Close ends the file and returns the first error since Create.
func (w *Writer) Close() error {
	err := w.f.Close()
	if w.err != nil {
		err = w.err
	}
	if err != nil {
		return fmt.Errorf("event file: %w", err)
	}
	return nil
}

// buckets of a histogram.
const buckets = 30

// histogram is TensorFlow's HistogramProto: counts of the values at or below
// each limit and above the one before.
type histogram struct {
	min, max, num, sum, squares float64
	limits, counts              []float64
}

func histogramOf(values []float64) (h histogram, ok bool) {
	h.min, h.max = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		h.min, h.max = min(h.min, v), max(h.max, v)
		h.num, h.sum, h.squares = h.num+1, h.sum+v, h.squares+v*v
	}
	if h.num == 0 {
		return h, false
	}
	width := (h.max - h.min) / buckets
	if width == 0 {
		h.limits, h.counts = []float64{h.max}, []float64{h.num}
		return h, true
	}
	h.limits, h.counts = make([]float64, buckets), make([]float64, buckets)
	for i := range h.limits {
		h.limits[i] = h.min + float64(i+1)*width
	}
	h.limits[buckets-1] = h.max
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			h.counts[min(buckets-1, max(0, int(math.Ceil((v-h.min)/width))-1))]++
		}
	}
	return h, true
}
