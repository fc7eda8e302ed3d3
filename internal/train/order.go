package train

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
)

// All randomness comes from PCG-DXSM generators (math/rand/v2) seeded with the
// user's seed and a stream number, so that the batches of an epoch depend on
// seed and epoch alone and a resumed run sees the same ones.
const (
	streamInit  = 1 << 32 // initial values of parameters
	streamViews = 1 << 33 // plus the epoch: the view each sample is seen in
)

// Generator draws from one stream.
type Generator struct{ src *rand.PCG }

// NewGenerator returns the generator of a stream of a seed.
func NewGenerator(seed, stream uint64) Generator { return Generator{rand.NewPCG(seed, stream)} }

// InitialValues is the generator of the initial values of parameters.
func InitialValues(seed uint64) Generator { return NewGenerator(seed, streamInit) }

// Below returns a number in [0, n), unbiased, by Lemire's multiplication.
func (g Generator) Below(n int) int {
	bound := uint64(n)
	hi, lo := bits.Mul64(g.src.Uint64(), bound)
	if lo < bound {
		for floor := -bound % bound; lo < floor; {
			hi, lo = bits.Mul64(g.src.Uint64(), bound)
		}
	}
	return int(hi)
}

// Uniform returns a number in [0, 1) with 53 random bits.
func (g Generator) Uniform() float64 { return float64(g.src.Uint64()>>11) / (1 << 53) }

// Normal returns a standard normal number by the Box-Muller transform.
func (g Generator) Normal() float64 {
	u := 1 - g.Uniform() // in (0, 1]
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*g.Uniform())
}

// permutation shuffles 0..n-1 by Fisher and Yates, from the last place down.
func (g Generator) permutation(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := g.Below(i + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// sampler says which rows of the feature matrix an epoch visits.
type sampler struct {
	samples, views int
	batch          int // rows of a step
	steps          int // of an epoch
	pool           bool
	seed           uint64
	given          []int32 // rows of all epochs, in place of drawn ones
}

// newSampler plans epochs over samples in views. The last incomplete batch is
// dropped, as Dassl does; fewer samples than a batch make one smaller batch.
func newSampler(samples, views int, o Options) sampler {
	s := sampler{samples: samples, views: views, batch: o.Batch, seed: o.Seed, pool: o.Pool, given: o.Order}
	s.steps = s.samples / s.batch
	if s.steps == 0 {
		s.steps = 1
		available := s.samples
		if s.pool {
			available *= s.views
		}
		s.batch = min(s.batch, available)
	}
	return s
}

// Order returns the rows of every batch of a training, one batch after the other,
// and the number of rows of a batch. Row v*samples+i is sample i in its view v.
func Order(samples, views int, o Options) (rows []int32, batch int) {
	s := newSampler(samples, views, o)
	for e := range o.Epochs {
		for _, r := range s.epoch(e) {
			rows = append(rows, int32(r))
		}
	}
	return rows, s.batch
}

// check refuses given rows that do not fit.
func (s sampler) check(epochs int) error {
	if s.given == nil {
		return nil
	}
	if want := epochs * s.steps * s.batch; len(s.given) != want {
		return fmt.Errorf("the order of batches has %d rows, want %d: %d epochs of %d batches of %d", len(s.given),
			want, epochs, s.steps, s.batch)
	}
	for i, r := range s.given {
		if r < 0 || int(r) >= s.samples*s.views {
			return fmt.Errorf("the order of batches has row %d at place %d, want 0 to %d", r, i, s.samples*s.views-1)
		}
	}
	return nil
}

// epoch returns the rows of every step of epoch e, one step after the other.
//
// Every sample is seen at most once, in a view drawn at random, as when images
// are augmented anew in each epoch; from a pool, the first samples/batch batches
// of a permutation of all views of all samples, as the reference does.
// One batch that holds every row keeps the rows' own order, so that the seed
// cannot matter.
func (s sampler) epoch(e int) []int {
	n := s.batch * s.steps
	if s.given != nil {
		rows := make([]int, n)
		for i, r := range s.given[e*n : (e+1)*n] {
			rows[i] = int(r)
		}
		return rows
	}
	total := s.samples
	if s.pool || s.views == 1 {
		total *= s.views
	}
	g := NewGenerator(s.seed, uint64(e))
	var rows []int
	if s.steps == 1 && n == total && (s.pool || s.views == 1) {
		rows = make([]int, n)
		for i := range rows {
			rows[i] = i
		}
		return rows
	}
	rows = g.permutation(total)[:n]
	if !s.pool && s.views > 1 {
		v := NewGenerator(s.seed, streamViews+uint64(e))
		for i := range rows {
			rows[i] += s.samples * v.Below(s.views)
		}
	}
	return rows
}
