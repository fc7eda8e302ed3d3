package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Sizes of the probes, smallest first. The first that takes five milliseconds is
// measured, or the last: a fast device needs a large one to fill it and to
// leave its cache.
var (
	productSizes = [][3]int{{256, 256, 256}, {1576, 3072, 768}, {4096, 4096, 4096}, {8192, 8192, 8192}} // m, n, k
	vectors      = []int{1 << 18, 1 << 25, 1 << 27,
		1 << 28} // float32 values
)

const longEnough = 5e-3 // seconds

// peaks measures the rates that others are compared with: of products of a
// matrix with frozen weights, and of memory. The best of all measurements count.
func (m *meter) peaks() error {
	m.Note(m.run.Precision + ": peak of matrix products, bandwidth of memory")
	r := &m.run
	again := len(r.Peaks) > 0
	peak, err := climb(m, productSizes, &m.productSize, again, m.product)
	if err != nil {
		return err
	}
	bandwidth, err := climb(m, vectors, &m.vectorSize, again, m.sum)
	if err != nil {
		return err
	}
	r.Peaks, r.Bandwidths = append(r.Peaks, peak), append(r.Bandwidths, bandwidth)
	r.PeakGFLOPS, r.BandwidthGBS = slices.Max(r.Peaks), slices.Max(r.Bandwidths)
	return nil
}

// mostPeaks is how often the peaks are measured where figures go over them.
const mostPeaks = 3

// sharesOfPeaks measures the peaks again, as the machine is by now, and sets the
// shares.
func (m *meter) sharesOfPeaks() error {
	if len(m.run.Peaks) == 0 {
		return nil
	}
	for first := true; first || m.run.over("peak") && len(m.run.Peaks) < mostPeaks; first = false {
		if err := m.peaks(); err != nil {
			return err
		}
		m.run.shares()
	}
	return nil
}

// ProductRate is the rate of products by frozen weights on a device, in GFLOP/s: a
// block's of ViT-B/16 or larger ones, measured for about budget.
func ProductRate(ctx context.Context, d *device.Device, budget time.Duration) (float64, error) {
	m := &meter{Options: Options{Budget: budget, RelStd: DefaultRelStd}, ctx: ctx, device: d, e: device.Engine(d)}
	return climb(m, productSizes, &m.productSize, false, m.product)
}

// probe is a call to measure and the work it does.
type probe struct {
	run  func() error
	work float64
	free func()
	gemm engine.Gemm // of products
}

// climb returns the rate in 1e9 a second at the first size that takes long
// enough, or at the largest that fits the device's memory, and leaves its place
// in at: where it is known already, it is taken.
func climb[S any](m *meter, sizes []S, at *int, known bool, prepare func(S) (probe, error)) (float64, error) {
	best := func(run func(n int) error) (Timing, error) {
		t := Timing{Seconds: math.Inf(1)}
		for range 3 {
			begun := time.Now()
			if err := run(1); err != nil {
				return t, err
			}
			t.Seconds = min(t.Seconds, time.Since(begun).Seconds())
		}
		return t, nil
	}
	for ; !known && *at+1 < len(sizes); *at++ {
		t, _, err := try(m, sizes[*at], prepare, best)
		if err != nil || t.Seconds >= longEnough {
			break // measuring says what is wrong, or takes the size below
		}
	}
	for ; ; *at-- {
		t, work, err := try(m, sizes[*at], prepare, m.measure)
		var full *engine.OutOfMemory
		if errors.As(err, &full) && *at > 0 {
			continue
		}
		return work / t.Seconds / 1e9, err
	}
}

// try times a probe of one size, after one run that warms up.
func try[S any](m *meter, size S, prepare func(S) (probe, error),
	measure func(func(int) error) (Timing, error)) (Timing, float64, error) {
	p, err := prepare(size)
	if err != nil {
		return Timing{}, 0, err
	}
	defer p.free()
	run := func(n int) error {
		for range n {
			if err := p.run(); err != nil {
				return err
			}
		}
		return m.e.Sync()
	}
	if err := run(1); err != nil {
		return Timing{}, 0, err
	}
	t, err := measure(run)
	return t, p.work, err
}

// product is a matrix product with a frozen right factor, as the towers' are.
// The values are random: some devices are faster on constants. Left factor and
// result are kept in 16 bits where the engine keeps activations so.
func (m *meter) product(s [3]int) (probe, error) {
	rows, columns, depth := s[0], s[1], s[2]
	t, free, err := m.tensors([]int{rows, depth}, []int{columns, depth}, []int{rows, columns})
	if err != nil {
		return probe{}, err
	}
	m.e.Freeze(t[1])
	left, out := t[0], t[2]
	if n, ok := m.e.(engine.MixedPrecision); ok && n.StoresFloat16() {
		half, release, err := m.tensors([]int{(rows*depth + 1) / 2})
		if err != nil {
			free()
			return probe{}, err
		}
		all := free
		free = func() { release(); all() }
		left, out = n.ViewFloat16(half[0], rows, depth), n.ViewFloat16(t[2], rows, columns)
		if err := n.Cast(left, t[0]); err != nil {
			free()
			return probe{}, err
		}
	}
	g := engine.Gemm{A: left, B: t[1], Out: out, TransB: true, Alpha: 1}
	return probe{func() error { return m.e.Gemm(g) }, 2 * float64(rows) * float64(columns) * float64(depth), free, g},
		nil
}

// sum adds two vectors: three transfers a value.
func (m *meter) sum(n int) (probe, error) {
	t, free, err := m.tensors([]int{n}, []int{n}, []int{n})
	return probe{run: func() error { return m.e.Axpby(t[2], 1, t[0], 1, t[1]) }, work: 3 * 4 * float64(n), free: free},
		err
}

// tensors returns tensors of random values.
func (m *meter) tensors(shapes ...[]int) (ts []*tensor.Dense, free func(), err error) {
	free = func() {
		for _, t := range ts {
			m.e.Release(t)
		}
	}
	for i, s := range shapes {
		t, err := m.e.New(tensor.Float32, s...)
		if err != nil {
			free()
			return nil, nil, err
		}
		ts = append(ts, t)
		if err := m.e.Upload(t, noise(uint64(i), t.Shape().TotalSize())); err != nil {
			free()
			return nil, nil, err
		}
	}
	return ts, free, nil
}

// noise returns n values evenly distributed between -1 and 1, from a short
// random sequence repeated at an odd distance: drawing gigabytes takes longer
// than measuring with them.
func noise(seed uint64, n int) []float32 {
	const period = 1<<20 - 3
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out[:min(n, period)] {
		out[i] = 2*r.Float32() - 1
	}
	for done := period; done < n; done *= 2 {
		copy(out[done:], out[:done])
	}
	return out
}
