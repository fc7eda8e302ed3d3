// Package cudatest checks a device's engine against the reference engine: on
// the kernels run by a processor in the ordinary tests, on a GPU where one is.
package cudatest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"

	"gorgonia.org/tensor"
)

// Bench holds a tested engine beside the reference and compares what they
// compute from the same inputs.
type Bench struct {
	*testing.T
	E   engine.Engine
	Tol float64 // largest difference, as a part of the largest value or of 1
	Rel float64 // and what is added to it, as a part of the value itself

	ref   *ref.Engine
	r     *rand.Rand
	worst map[string]float64 // largest difference by operation, as Tol counts it
}

// New returns a bench for e.
func New(t *testing.T, e engine.Engine) *Bench {
	return &Bench{T: t, E: e, Tol: 2e-5, ref: ref.New(), r: rand.New(rand.NewPCG(1, 2)), worst: map[string]float64{}}
}

// array is a tensor on the host.
type array struct {
	shape  []int
	floats []float32
	ints   []int32
	narrow bool // in 16 bits on an engine that has them
}

// normal returns normally distributed values.
func (b *Bench) normal(shape ...int) array {
	a := array{shape: shape, floats: make([]float32, tensor.Shape(shape).TotalSize())}
	for i := range a.floats {
		a.floats[i] = float32(b.r.NormFloat64())
	}
	return a
}

// indices returns n numbers from low to high-1.
func (b *Bench) indices(n, low, high int) array {
	a := array{shape: []int{n}, ints: make([]int32, n)}
	for i := range a.ints {
		a.ints[i] = int32(low + b.r.IntN(high-low))
	}
	return a
}

func ints(v []int32, shape ...int) array { return array{shape: shape, ints: v} }

func sh(d ...int) []int { return d }

// on brings an array to an engine.
func (b *Bench) on(e engine.Engine, a array) *tensor.Dense {
	b.Helper()
	dt, data := tensor.Float32, any(a.floats)
	if a.ints != nil {
		dt, data = tensor.Int32, a.ints
	}
	t, err := e.New(dt, a.shape...)
	if err == nil {
		err = e.Upload(t, data)
	}
	if err != nil {
		b.Fatal(err)
	}
	if a.narrow {
		return b.put(e, t)
	}
	return t
}

func (b *Bench) read(e engine.Engine, t *tensor.Dense) []float32 {
	b.Helper()
	if t.Dtype() == engine.Narrow {
		t = b.widened(e, t)
		defer e.Release(t)
	}
	out := make([]float32, t.Shape().TotalSize())
	if err := e.Download(out, t); err != nil {
		b.Fatal(err)
	}
	return out
}

// kernel is one operation from inputs to results.
type kernel func(e engine.Engine, in, out []*tensor.Dense) error

// run returns what k computes on e; the results start as NaN.
func (b *Bench) run(e engine.Engine, what string, in []array, k kernel, narrow bool, shapes [][]int) [][]float32 {
	b.Helper()
	var ins, outs []*tensor.Dense
	for _, a := range in {
		ins = append(ins, b.on(e, a))
	}
	for _, s := range shapes {
		t := b.on(e, array{shape: s, floats: make([]float32, tensor.Shape(s).TotalSize())})
		if err := e.Fill(t, float32(math.NaN())); err != nil {
			b.Fatal(err)
		}
		if narrow {
			t = b.put(e, t)
		}
		outs = append(outs, t)
	}
	if err := k(e, ins, outs); err != nil {
		b.Fatalf("%s on %s: %v", what, e.Name(), err)
	}
	var res [][]float32
	for _, t := range outs {
		res = append(res, b.read(e, t))
	}
	for _, t := range append(ins, outs...) {
		e.Release(t)
	}
	return res
}

// same runs a kernel on both engines and compares. The first word of what names
// the operation.
func (b *Bench) same(what string, in []array, k kernel, shapes ...[]int) {
	b.Helper()
	b.sameStored(what, in, k, false, shapes...)
}

// sameStored is same with results in 16 bits, if narrow says so.
func (b *Bench) sameStored(what string, in []array, k kernel, narrow bool, shapes ...[]int) {
	b.Helper()
	got, want := b.run(b.E, what, in, k, narrow, shapes), b.run(b.ref, what, in, k, false, shapes)
	for n := range want {
		scale := 1.0
		for _, v := range want[n] {
			scale = math.Max(scale, math.Abs(float64(v)))
		}
		op, _, _ := strings.Cut(what, " ")
		for i, v := range want[n] {
			d := math.Abs(float64(got[n][i]) - float64(v))
			b.worst[op] = math.Max(b.worst[op], d/scale)
			if !(d <= b.Tol*scale+b.Rel*math.Abs(float64(v))) {
				b.Errorf("%s: result %d, element %d of %v is %v, want %v", what, n, i, shapes[n], got[n][i], v)
				return
			}
		}
	}
}

// Worst lists the largest difference of every operation that was compared, as a
// part of the largest value or of 1, one a line.
func (b *Bench) Worst() string {
	var out strings.Builder
	for _, op := range slices.Sorted(maps.Keys(b.worst)) {
		fmt.Fprintf(&out, "%-24s %.1e\n", op, b.worst[op])
	}
	return out.String()
}
