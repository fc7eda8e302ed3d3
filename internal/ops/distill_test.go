package ops_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/tensor"
)

func random(n int, scale float64, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(scale * rng.NormFloat64())
	}
	return out
}

// evaluate runs the graph of f over two constants of one shape.
func evaluate(t *testing.T, x, y []float32, rows, cols int,
	f func(g *graph.Graph, x, y *ops.Node) *ops.Node) []float32 {
	t.Helper()
	g := graph.New(ref.New())
	defer g.Close()
	out := f(g, ops.Constant(g, "x", x, rows, cols), ops.Constant(g, "y", y, rows, cols))
	p, err := g.Compile(out)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	v, err := p.Float32(out)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func logSoftmax(l []float32) []float64 {
	top, sum := math.Inf(-1), 0.0
	for _, v := range l {
		top = math.Max(top, float64(v))
	}
	for _, v := range l {
		sum += math.Exp(float64(v) - top)
	}
	out := make([]float64, len(l))
	for i, v := range l {
		out[i] = float64(v) - top - math.Log(sum)
	}
	return out
}

func TestSoftCrossEntropyAndDivergenceEqualTheirFormulas(t *testing.T) {
	const b, k = 6, 9
	for _, scale := range []float64{0.1, 1, 10} {
		l, z := random(b*k, scale, 1), random(b*k, scale, 2)
		var ce, kl float64
		for i := range b {
			lp, zp := logSoftmax(l[i*k:(i+1)*k]), logSoftmax(z[i*k:(i+1)*k])
			for j := range k {
				ce -= math.Exp(zp[j]) * lp[j] / b
				kl += math.Exp(zp[j]) * (zp[j] - lp[j]) / b
			}
		}
		for name, c := range map[string]struct {
			f    func(g *graph.Graph, l, z *ops.Node) *ops.Node
			want float64
		}{"soft cross-entropy": {ops.SoftCrossEntropy, ce}, "divergence": {ops.Divergence, kl}} {
			got := float64(evaluate(t, l, z, b, k, c.f)[0])
			if math.Abs(got-c.want) > 1e-5*(1+c.want) {
				t.Errorf("%s at scale %g: %g, want %g", name, scale, got, c.want)
			}
		}
	}
}

func TestDeflectRemovesTheConflictingPartOnly(t *testing.T) {
	d, k := []float32{3, -1, 2, 0}, []float32{-1, 0, -1, 1}
	deflect := func(lambda float32) func(g *graph.Graph, x, y *ops.Node) *ops.Node {
		return func(g *graph.Graph, x, y *ops.Node) *ops.Node { return ops.Deflect(g, x, y, lambda) }
	}
	got := evaluate(t, d, k, 2, 2, deflect(1)) // d.k = -5, k.k = 3
	for i, want := range []float64{3 - 5.0/3, -1, 2 - 5.0/3, 5.0 / 3} {
		if math.Abs(float64(got[i])-want) > 1e-6 {
			t.Errorf("element %d: %g, want %g", i, got[i], want)
		}
	}
	if got := evaluate(t, d, k, 2, 2, deflect(0.8)); math.Abs(float64(got[0])-(3-4.0/3)) > 1e-6 {
		t.Errorf("with lambda 0.8: %g, want %g", got[0], 3-4.0/3)
	}
	agree := []float32{1, 0, 1, 0}
	for name, k := range map[string][]float32{"agreeing": agree, "zero": make([]float32, 4)} {
		for i, v := range evaluate(t, d, k, 2, 2, deflect(1)) {
			if v != d[i] {
				t.Errorf("%s gradient: element %d changed from %g to %g", name, i, d[i], v)
			}
		}
	}
}

func TestReplaceRowsNamesRowsThatDoNotFit(t *testing.T) {
	g := graph.New(ref.New())
	x, y := g.Input("x", tensor.Float32, 3, 2), g.Input("y", tensor.Float32, 1, 2)
	ops.ReplaceRows(g, x, y, []int32{-1, 1, -1})
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "row 1 of (1, 2)") {
		t.Fatalf("error %v, want one that names row 1", err)
	}
}
