package nn_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"clipcalib/adapt/nn"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/ref"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// zsNorm is the remedy as a user writes it in Gorgonia's operations, with the
// extremes of a row found by low and high.
func zsNorm(low, high func(*nn.Node) *nn.Node) func(l, zs *nn.Node) *nn.Node {
	return func(l, zs *nn.Node) *nn.Node {
		column := []byte{1}
		lo, hi := low(l), high(l)
		to := G.Must(G.Slice(zs, nil, G.S(0)))
		factor := G.Must(G.HadamardDiv(G.Must(G.Sub(G.Must(G.Slice(zs, nil, G.S(1))), to)), G.Must(G.Sub(hi, lo))))
		y := G.Must(G.BroadcastSub(l, lo, nil, column))
		y = G.Must(G.BroadcastHadamardProd(y, factor, nil, column))
		return G.Must(G.BroadcastAdd(y, to, nil, column))
	}
}

func stockMax(x *nn.Node) *nn.Node { return G.Must(G.Max(x, 1)) }
func stockMin(x *nn.Node) *nn.Node { return G.Must(G.Neg(stockMax(G.Must(G.Neg(x))))) }

// penalty is the other one.
func penalty(relu func(*nn.Node) *nn.Node) func(l, zs *nn.Node) *nn.Node {
	return func(l, zs *nn.Node) *nn.Node {
		over := G.Must(G.BroadcastSub(l, G.Must(G.Slice(zs, nil, G.S(1))), nil, []byte{1}))
		under := G.Must(G.BroadcastSub(G.Must(G.Slice(zs, nil, G.S(0))), l, []byte{1}, nil))
		excess := G.Must(G.Add(G.Must(G.Mean(relu(over))), G.Must(G.Mean(relu(under)))))
		return G.Must(G.Mul(excess, G.NewConstant(float32(10))))
	}
}

func stockReLU(x *nn.Node) *nn.Node { return G.Must(G.Rectify(x)) }

var remedies = []struct {
	name    string
	mine    func(l, zs *nn.Node) *nn.Node
	library func(l, zs *nn.Node) *nn.Node
	kinks   bool // where logits tie, or lie on a bound, they agree too
}{
	{name: "ZS-Norm in stock operations", mine: zsNorm(stockMin, stockMax), library: nn.RangeMap},
	{name: "ZS-Norm with RowMin and RowMax", mine: zsNorm(nn.RowMin, nn.RowMax), library: nn.RangeMap, kinks: true},
	{name: "Penalty in stock operations", mine: penalty(stockReLU), library: libraryPenalty},
	{name: "Penalty with ReLU", mine: penalty(nn.ReLU), library: libraryPenalty, kinks: true},
}

func libraryPenalty(l, zs *nn.Node) *nn.Node { return nn.RangePenalty(l, zs, 10) }

// model makes logits [b, k] of a leaf w that trains, and their zero-shot ranges.
type model struct {
	graph        *nn.Graph
	x, w, labels *nn.Node
	logits, zs   *nn.Node
}

const b, k, d = 6, 5, 4

func newModel(t testing.TB, dev *nn.Device, tied bool) model {
	t.Helper()
	g, err := nn.NewGraph(dev)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	m := model{graph: g, x: g.Input("x", b, d), w: g.Input("w", k, d), labels: g.Indices("labels", b)}
	zs := g.Input("zero-shot range", b, 2)
	m.logits, m.zs = nn.MatMul(m.x, m.w, false, true, 1), zs
	x, w := random(b*d), random(k*d)
	ranges := make([]float32, 0, 2*b)
	for range b {
		ranges = append(ranges, -0.7, 1.1)
	}
	if tied { // whole numbers: logits tie, and lie on the bounds
		for i := range w {
			w[i] = float32(i % 3 * (i % 2))
		}
		copy(w[3*d:], w[2*d:3*d])
		copy(w[4*d:], w[:d])
		for i := range x {
			x[i] = float32(i%4 - 1)
		}
		for i := range b {
			ranges[2*i], ranges[2*i+1] = -1, 2
		}
	}
	for n, v := range map[*nn.Node]any{m.x: x, m.w: w, zs: ranges, m.labels: []int32{0, 1, 2, 3, 4, 0}} {
		if err := g.Set(n, v); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// gradients runs the loss and its gradient with respect to w.
func (m model) gradients(t testing.TB, loss *nn.Node) (value float32, dw []float32) {
	t.Helper()
	grad := m.graph.Gradients(loss, m.w)[0]
	p, err := m.graph.Compile(context.Background(), loss, grad)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	v, err := p.Values(loss)
	if err != nil {
		t.Fatal(err)
	}
	if dw, err = p.Values(grad); err != nil {
		t.Fatal(err)
	}
	return v[0], dw
}

func TestRemediesInStockOperationsAreTheLibrarys(t *testing.T) {
	cpu, err := device.Open(device.Options{Kind: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer cpu.Close()
	for where, dev := range map[string]*nn.Device{"reference": device.Share(ref.New()), "processor": cpu} {
		for _, c := range remedies {
			for _, tied := range []bool{false, true} {
				if tied && !c.kinks {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/tied %v", where, c.name, tied), func(t *testing.T) {
					results := map[bool][]float32{}
					for mine, f := range map[bool]func(l, zs *nn.Node) *nn.Node{true: c.mine, false: c.library} {
						m := newModel(t, dev, tied)
						y := f(m.logits, m.zs)
						loss := nn.CrossEntropy(m.logits, m.labels)
						if len(y.Shape()) == 2 {
							loss = nn.CrossEntropy(y, m.labels)
						} else {
							loss = nn.Add(loss, y)
						}
						v, dw := m.gradients(t, loss)
						results[mine] = append([]float32{v}, dw...)
					}
					agree(t, results[true], results[false], 1e-5)
				})
			}
		}
	}
}

func agree(t testing.TB, got, want []float32, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range want {
		if diff := math.Abs(float64(got[i] - want[i])); !(diff <= within*(1+math.Abs(float64(want[i])))) {
			t.Errorf("value %d is %g, want %g", i, got[i], want[i])
		}
	}
}

// TestOneRemedyInTwoLanguages writes one formula in Gorgonia's operations and
// in this package's.
func TestOneRemedyInTwoLanguages(t *testing.T) {
	pairs := []struct {
		name        string
		stock, ours func(l *nn.Node) *nn.Node
	}{
		{"mean square", func(l *nn.Node) *nn.Node { return G.Must(G.Mean(G.Must(G.Square(l)))) },
			func(l *nn.Node) *nn.Node { return nn.Dot(1./(b*k), l, l) }},
		{"sum of exp", func(l *nn.Node) *nn.Node {
			return G.Must(G.Sum(G.Must(G.Exp(G.Must(G.Mul(l, G.NewConstant(float32(0.3))))))))
		}, func(l *nn.Node) *nn.Node {
			return nn.Dot(1, nn.ExpAffine(l, 0.3, 0), nn.Constant(l, "ones", ones(b*k), b, k))
		}},
		{"entropy", func(l *nn.Node) *nn.Node {
			e := G.Must(G.Exp(l))
			sum := G.Must(G.Sum(e, 1))
			p := G.Must(G.BroadcastHadamardDiv(e, sum, nil, []byte{1}))
			logP := G.Must(G.BroadcastSub(l, G.Must(G.Log(sum)), nil, []byte{1}))
			h := G.Must(G.Sum(G.Must(G.HadamardProd(p, logP))))
			return G.Must(G.Mul(h, G.NewConstant(float32(-1./b))))
		}, nn.Entropy},
		{"entropy of the mean", func(l *nn.Node) *nn.Node {
			q := G.Must(G.Mean(G.Must(G.SoftMax(l, 1)), 0))
			return G.Must(G.Neg(G.Must(G.Sum(G.Must(G.HadamardProd(q, G.Must(G.Log(q))))))))
		}, nn.EntropyOfMean},
		{"ReLU away from 0", func(l *nn.Node) *nn.Node { return G.Must(G.Sum(stockReLU(l))) },
			func(l *nn.Node) *nn.Node { return nn.Dot(1, nn.ReLU(l), nn.Constant(l, "ones", ones(b*k), b, k)) }},
		{"cosines", func(l *nn.Node) *nn.Node {
			norm := G.Must(G.Sqrt(G.Must(G.Sum(G.Must(G.Square(l)), 1))))
			u := G.Must(G.BroadcastHadamardDiv(l, norm, nil, []byte{1}))
			return G.Must(G.Sum(G.Must(G.Mul(u, G.Must(G.Transpose(u, 1, 0))))))
		}, func(l *nn.Node) *nn.Node {
			return nn.Dot(1, nn.CosineLogits(l, l, 1), nn.Constant(l, "ones", ones(b*b), b, b))
		}},
	}
	dev := device.Share(ref.New())
	for _, c := range pairs {
		t.Run(c.name, func(t *testing.T) {
			var results [2][]float32
			for i, f := range []func(*nn.Node) *nn.Node{c.stock, c.ours} {
				m := newModel(t, dev, false)
				v, dw := m.gradients(t, f(m.logits))
				results[i] = append([]float32{v}, dw...)
			}
			agree(t, results[0], results[1], 1e-6)
		})
	}
}

func ones(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// TestLeavesOfOnesOwn puts a matrix, a scalar and a constant of Gorgonia's in a
// graph; a leaf's value counts when the program runs.
func TestLeavesOfOnesOwn(t *testing.T) {
	m := newModel(t, device.Share(ref.New()), false)
	g := m.graph.ExprGraph()
	bias := G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithShape(b, k), // a name the model uses
		G.WithValue(tensor.New(tensor.WithShape(b, k), tensor.WithBacking(ones(b*k)))))
	scale := G.NewScalar(g, tensor.Float32, G.WithName("scale"), G.WithValue(float32(2)))
	y := G.Must(G.Add(G.Must(G.HadamardProd(nn.Add(m.logits, bias), scale)), G.NewConstant(float32(-1))))
	both := m.graph.Gradients(y, bias, scale)
	p, err := m.graph.Compile(t.Context(), m.logits, y, both[0], both[1])
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, s := range []float32{2, -3} {
		if err := G.Let(scale, s); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		l, got := values(t, p, m.logits), values(t, p, y)
		var want []float32
		var ds float32
		for _, v := range l {
			want = append(want, s*(v+1)-1)
			ds += v + 1
		}
		agree(t, got, want, 1e-6)
		agree(t, values(t, p, both[1]), []float32{ds}, 1e-5)
		for _, v := range values(t, p, both[0]) {
			agree(t, []float32{v}, []float32{s}, 0)
		}
	}
}

func values(t testing.TB, p *nn.Program, n *nn.Node) []float32 {
	t.Helper()
	v, err := p.Values(n)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
