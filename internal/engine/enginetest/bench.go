package enginetest

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

// bench holds a tested engine beside the reference and compares what they
// compute from the same inputs.
type bench struct {
	*testing.T
	e         engine.Engine
	ref       *ref.Engine
	r         *rand.Rand
	precision string
	tol       tolerance
	large     bool               // large shapes, too
	worst     map[string]float64 // largest difference by operation, as a part of the largest value or of 1
}

func newBench(t *testing.T, e engine.Engine, o Options) *bench {
	b := &bench{T: t, e: e, ref: ref.New(), r: rand.New(rand.NewPCG(1, 2)), precision: engine.PrecisionOf(e),
		large: !o.Slow, worst: map[string]float64{}}
	b.expect(elementwise)
	return b
}

// tensors are the inputs or the results of a kernel.
type tensors = []*tensor.Dense

// array is a tensor on the host.
type array struct {
	shape   []int
	floats  []float32
	ints    []int32
	float16 bool // stored in 16 bits on an engine that has them
}

// normal returns normally distributed values.
func (b *bench) normal(shape ...int) array {
	a := array{shape: shape, floats: make([]float32, tensor.Shape(shape).TotalSize())}
	for i := range a.floats {
		a.floats[i] = float32(b.r.NormFloat64())
	}
	return a
}

// indices returns n numbers from low to high-1.
func (b *bench) indices(n, low, high int) array {
	a := array{shape: []int{n}, ints: make([]int32, n)}
	for i := range a.ints {
		a.ints[i] = int32(low + b.r.IntN(high-low))
	}
	return a
}

func ints(v []int32, shape ...int) array { return array{shape: shape, ints: v} }

func floats(v []float32, shape ...int) array { return array{shape: shape, floats: v} }

func sh(d ...int) []int { return d }

// on brings an array to an engine.
func (b *bench) on(e engine.Engine, a array) *tensor.Dense {
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
	if a.float16 {
		return b.rounded(e, t)
	}
	return t
}

func (b *bench) read(e engine.Engine, t *tensor.Dense) []float32 {
	b.Helper()
	if t.Dtype() == engine.Float16 {
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
type kernel func(e engine.Engine, in, out tensors) error

// run returns what k computes on e; the results start as NaN, in 16 bits where
// float16 says so.
func (b *bench) run(e engine.Engine, what string, in []array, k kernel, float16 bool, shapes [][]int) [][]float32 {
	b.Helper()
	var ins, outs tensors
	for _, a := range in {
		ins = append(ins, b.on(e, a))
	}
	for _, s := range shapes {
		t := b.on(e, floats(make([]float32, tensor.Shape(s).TotalSize()), s...))
		if err := e.Fill(t, float32(math.NaN())); err != nil {
			b.Fatal(err)
		}
		if float16 {
			t = b.rounded(e, t)
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
func (b *bench) same(what string, in []array, k kernel, shapes ...[]int) {
	b.Helper()
	b.sameStored(what, in, k, false, shapes...)
}

// sameStored is same with results in 16 bits, if float16 says so.
func (b *bench) sameStored(what string, in []array, k kernel, float16 bool, shapes ...[]int) {
	b.Helper()
	got, want := b.run(b.e, what, in, k, float16, shapes), b.run(b.ref, what, in, k, false, shapes)
	for n := range want {
		b.close(fmt.Sprintf("%s: result %d of %v", what, n, shapes[n]), got[n], want[n])
	}
}

// close compares values; the first word of what names the operation.
func (b *bench) close(what string, got, want []float32) {
	b.Helper()
	if len(got) != len(want) {
		b.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	scale := 1.0
	for _, v := range want {
		scale = math.Max(scale, math.Abs(float64(v)))
	}
	op, _, _ := strings.Cut(strings.ReplaceAll(what, ":", " "), " ")
	for i, v := range want {
		d := math.Abs(float64(got[i]) - float64(v))
		b.worst[op] = math.Max(b.worst[op], d/scale)
		if !(d <= b.tol.of*scale+b.tol.each*math.Abs(float64(v))) {
			b.Errorf("%s, element %d: %v, want %v", what, i, got[i], v)
			return
		}
	}
}

// worstText lists the largest difference of every operation that was compared,
// one a line; operations in another precision than float32 have its name before
// them.
func (b *bench) worstText() string {
	var out strings.Builder
	prefix := ""
	if b.precision != "fp32" {
		prefix = b.precision + "."
	}
	for _, op := range slices.Sorted(maps.Keys(b.worst)) {
		fmt.Fprintf(&out, "%-24s %.1e\n", prefix+op, b.worst[op])
	}
	return out.String()
}
