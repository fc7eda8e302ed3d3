package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"clipcalib/calib"
	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/device"
	"clipcalib/vit"
	"clipcalib/weights"
)

// MLPerf asks for a measurement by the rules that MLPerf Inference has for image
// classification, where they can be kept without its load generator: the least
// time, samples and queries, a fixed seed, samples in memory before the clock
// starts, and accuracy against a reference in the same report. It is no MLPerf
// result, and no MLPerf benchmark has such a model.
type MLPerf struct {
	Time    time.Duration // least of each scenario; MLPerf asks for 600 s
	Samples int           // least of the Offline scenario; MLPerf asks for 24,576

	Name       string // of the model
	Checkpoint *weights.Checkpoint
	Set        *data.Set
	Templates  []string // prompts with {} for the class name
}

// What MLPerf asks for.
const (
	MLPerfTime    = 600 * time.Second
	MLPerfSamples = 24576
	// multiStream is samples a query, and the least number of queries.
	multiStreamSamples = 8
	multiStreamQueries = 662
	// singleStreamQueries lets a 90th percentile be told.
	singleStreamQueries = 64
	mlperfSeed          = 1
	mlperfAccuracy      = 0.99 // of the reference's
	// mostMLPerfBytes bounds the pictures that are kept in memory.
	mostMLPerfBytes = 2 << 30
)

// MLPerfFacts is what the figures of such a measurement depend on, and accuracy.
type MLPerfFacts struct {
	LeastSeconds float64 `json:"least_s"`       // of each scenario
	LeastSamples int     `json:"least_samples"` // of Offline
	Full         bool    `json:"full"`          // both as MLPerf asks
	Seed         uint64  `json:"seed"`          // that samples are drawn by
	Data         string  `json:"data"`
	Pictures     int     `json:"pictures"` // in memory, which samples are drawn from and accuracy is of
	Of           int     `json:"of"`       // pictures of the set
	Classes      int     `json:"classes"`

	Accuracy          float64 `json:"accuracy"` // zero-shot, a fraction
	ECE               float64 `json:"ece"`
	Reference         string  `json:"reference"` // engine that the reference was computed by
	ReferenceAccuracy float64 `json:"reference_accuracy"`
	ReferenceECE      float64 `json:"reference_ece"`
	Agree             float64 `json:"agree"` // fraction of pictures of the same class in both
	Enough            bool    `json:"accuracy_is_99_percent_of_the_reference"`
}

// MeasureMLPerf measures p in every precision of o.
func MeasureMLPerf(ctx context.Context, o Options, p MLPerf) (Result, error) {
	r := newResult()
	r.At = time.Now().UTC().Format(time.RFC3339)
	o = o.withDefaults()
	o.Power = true
	reference, err := p.reference(ctx, o)
	if err != nil {
		return r, fmt.Errorf("reference: %w", err)
	}
	for _, o.Device.Precision = range o.Precisions {
		if err := o.with(ctx, &r, func(m *meter) error { return p.measure(m, reference) }); err != nil {
			return r, err
		}
		r.Settings = nil // none of them was used
	}
	return r, nil
}

// judged is a set's pictures as one engine sees them.
type judged struct {
	engine        string
	accuracy, ece float64
	classes       []int
}

// reference judges the pictures on the processor in float32.
func (p MLPerf) reference(ctx context.Context, o Options) (judged, error) {
	o.Note("reference: accuracy on the processor, fp32")
	d, err := device.Open(device.Options{Threads: o.Device.Threads})
	if err != nil {
		return judged{}, err
	}
	defer d.Close()
	m, err := clip.New(p.Checkpoint, clip.Options{Device: d, Batch: 32})
	if err != nil {
		return judged{}, err
	}
	defer m.Close()
	pool, err := p.load(ctx, m.Images)
	if err != nil {
		return judged{}, err
	}
	return p.judge(ctx, m, pool, 32)
}

// pool is pictures in memory, as the tower takes them.
type pool struct {
	vit.Batch
	size   int
	labels []int
}

func (p pool) len() int { return len(p.labels) }

// load reads the pictures, those that fit into memory.
func (p MLPerf) load(ctx context.Context, v *vit.Encoder) (pool, error) {
	pre := v.Preprocessor()
	out := pool{size: pre.Len(), Batch: vit.Batch{Preprocessor: pre}}
	n := min(len(p.Set.Items), mostMLPerfBytes/pre.Len())
	loader := vit.Loader{Preprocessor: pre, BatchSize: 64, Strict: true}
	for b, err := range loader.Batches(ctx, n, p.Set.Open) {
		if err != nil {
			return out, err
		}
		out.Pixels = append(out.Pixels, b.Pixels...)
		for _, i := range b.Indices {
			out.labels = append(out.labels, p.Set.Items[i].Label)
		}
	}
	return out, nil
}

// take copies pictures of the pool into a batch.
func (p pool) take(to *vit.Batch, indices []int) {
	to.Preprocessor, to.Indices, to.Pixels = p.Preprocessor, indices, to.Pixels[:0]
	for _, i := range indices {
		to.Pixels = append(to.Pixels, p.Pixels[i*p.size:(i+1)*p.size]...)
	}
}

// judge classifies every picture of the pool.
func (p MLPerf) judge(ctx context.Context, m *clip.Model, all pool, batch int) (judged, error) {
	j := judged{engine: m.Device.Name()}
	prototypes, err := m.Prototypes(ctx, p.Templates, p.Set.Classes, clip.Unit)
	if err != nil {
		return j, err
	}
	var rows [][]float32
	var b vit.Batch
	for at := 0; at < all.len(); at += batch {
		var indices []int
		for i := at; i < min(at+batch, all.len()); i++ {
			indices = append(indices, i)
		}
		all.take(&b, indices)
		features, err := m.Images.EncodeBatch(ctx, b)
		if err != nil {
			return j, err
		}
		rows = append(rows, features...)
	}
	logits, err := m.ZeroShot(ctx, rows, prototypes)
	if err != nil {
		return j, err
	}
	var flat []float32
	for _, row := range logits {
		best := 0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		j.classes = append(j.classes, best)
		flat = append(flat, row...)
	}
	matrix, err := calib.FromFloat32(len(logits), len(p.Set.Classes), flat)
	if err != nil {
		return j, err
	}
	metrics, err := calib.Evaluate(matrix, all.labels, calib.Options{Bins: 10})
	j.accuracy, j.ece = metrics.Accuracy, metrics.ECE
	return j, err
}

// measure takes accuracy first, then the scenarios.
func (p MLPerf) measure(m *meter, reference judged) error {
	batch := 32
	if len(m.Batches) > 0 {
		batch = m.Batches[len(m.Batches)-1]
	}
	model, err := clip.New(p.Checkpoint, clip.Options{Device: m.device, Batch: batch})
	if err != nil {
		return err
	}
	defer model.Close()
	all, err := p.load(m.ctx, model.Images)
	if err != nil {
		return err
	}
	m.Note(fmt.Sprintf("%s: accuracy on %d pictures", m.run.Precision, all.len()))
	own, err := p.judge(m.ctx, model, all, batch)
	if err != nil {
		return err
	}
	same := 0
	for i, k := range own.classes {
		if k == reference.classes[i] {
			same++
		}
	}
	m.run.MLPerf = &MLPerfFacts{LeastSeconds: p.Time.Seconds(), LeastSamples: p.Samples,
		Full: p.Time >= MLPerfTime && p.Samples >= MLPerfSamples, Seed: mlperfSeed, Data: p.Set.Name,
		Pictures: all.len(),
		Of:       len(p.Set.Items), Classes: len(p.Set.Classes), Accuracy: own.accuracy, ECE: own.ece,
		Reference: reference.engine, ReferenceAccuracy: reference.accuracy, ReferenceECE: reference.ece,
		Agree: float64(same) / float64(all.len()), Enough: own.accuracy >= mlperfAccuracy*reference.accuracy}
	for _, s := range []scenario{
		{"MLPerf-like Offline", batch, (p.Samples + batch - 1) / batch, false},
		{"MLPerf-like SingleStream", 1, singleStreamQueries, true},
		{"MLPerf-like MultiStream", multiStreamSamples, multiStreamQueries, true},
	} {
		if err := p.scenario(m, model, all, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// scenario is queries of so many samples, at least so many of them.
type scenario struct {
	name     string
	samples  int
	queries  int
	oneByOne bool // a query is sent when the last was answered
}

// scenario measures one, for the least time and the least number of queries.
func (p MLPerf) scenario(m *meter, model *clip.Model, all pool, s scenario) error {
	m.Note(fmt.Sprintf("%s: %s, %v at least", m.run.Precision, s.name, p.Time))
	random := rand.New(rand.NewPCG(mlperfSeed, 0))
	var next vit.Batch
	draw := func() vit.Batch {
		indices := make([]int, s.samples)
		for i := range indices {
			indices[i] = random.IntN(all.len())
		}
		all.take(&next, indices)
		return next
	}
	if _, err := model.Images.EncodeBatch(m.ctx, draw()); err != nil { // compiles
		return err
	}
	took := newPace(p.Time, s.queries)
	w := m.startWatch()
	err := func() error {
		if s.oneByOne {
			for !took.enough() {
				begun := time.Now()
				if _, err := model.Images.EncodeBatch(m.ctx, draw()); err != nil {
					return err
				}
				took.query(time.Since(begun).Seconds())
			}
			return nil
		}
		queries := func(yield func(vit.Batch, error) bool) {
			for !took.enough() && yield(draw(), nil) {
			}
		}
		for _, err := range model.Images.EncodeBatches(m.ctx, queries) {
			if err != nil {
				return err
			}
			took.query(0)
		}
		return nil
	}()
	took.end()
	m.seen = w.stop(float64(took.queries))
	if err != nil {
		return err
	}
	f := Figure{What: s.name, Model: p.Name, Batch: s.samples, Unit: "samples/s"}
	if s.oneByOne {
		l := latencyOf(took.each)
		f.Latency = &l
	}
	work := imageWork(model.Config, s.samples)
	m.add(f, took.timing(), s.samples, work.flop(), m.bytes(work))
	return nil
}

// pace counts queries until there are enough, and times tenths of them: what is
// told is all samples over all the time.
type pace struct {
	least   time.Duration
	most    int // queries that are asked for
	begun   time.Time
	took    float64
	queries int
	each    []float64
	marks   []mark
}

type mark struct {
	at      float64
	queries int
}

func newPace(least time.Duration, queries int) *pace {
	return &pace{least: least, most: queries, begun: time.Now()}
}

func (p *pace) enough() bool { return p.queries >= p.most && time.Since(p.begun) >= p.least }

// query notes one that was answered, and how long that took if it was alone.
func (p *pace) query(seconds float64) {
	p.queries++
	if seconds > 0 {
		p.each = append(p.each, seconds)
	}
	now := time.Since(p.begun).Seconds()
	if n := len(p.marks); n == 0 || now-p.marks[n-1].at >= p.least.Seconds()/Window {
		p.marks = append(p.marks, mark{now, p.queries})
	}
}

func (p *pace) end() { p.took = time.Since(p.begun).Seconds() }

func (p *pace) timing() Timing {
	var s sample
	for i := 1; i < len(p.marks); i++ {
		n := p.marks[i].queries - p.marks[i-1].queries
		s.add((p.marks[i].at-p.marks[i-1].at)/float64(n), n)
	}
	t := s.window()
	t.Seconds, t.Runs, t.Timed = p.took/float64(p.queries), p.queries, p.took
	t.Mean = t.Seconds
	return t
}

// String says what was kept, and what came out.
func (f MLPerfFacts) String() string {
	var b strings.Builder
	kept := "less than MLPerf asks"
	if f.Full {
		kept = "as MLPerf asks"
	}
	fmt.Fprintf(&b, "MLPerf-like, no MLPerf result: %.0f s a scenario and %d samples Offline at least (%s), seed %d, "+
		"rates are all samples over all the time\n", f.LeastSeconds, f.LeastSamples, kept, f.Seed)
	fmt.Fprintf(&b, "%s, %d of %d pictures, %d classes: accuracy %.2f%%, ECE %.2f%%; reference (%s) %.2f%%, "+
		"%.2f%%; %.2f%% of "+
		"the pictures get the same class\n", f.Data, f.Pictures, f.Of, f.Classes, 100*f.Accuracy, 100*f.ECE,
		f.Reference,
		100*f.ReferenceAccuracy, 100*f.ReferenceECE, 100*f.Agree)
	if f.Enough {
		b.WriteString("accuracy is at least 99% of the reference's")
	} else {
		b.WriteString("NOT MET: accuracy is less than 99% of the reference's")
	}
	return b.String()
}
