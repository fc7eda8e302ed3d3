package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// TestGraphFormsAgreeWithPlainForms compares value and gradient of every
// remedy and loss as graph nodes with calib's float64 functions.
func TestGraphFormsAgreeWithPlainForms(t *testing.T) {
	type plainForm func(l, z calib.Matrix, y []int) (float64, calib.Matrix, error)
	ce := func(l, _ calib.Matrix, y []int) (float64, calib.Matrix, error) { return calib.CrossEntropy(l, y) }
	cases := []struct {
		name   string
		loss   Loss
		remedy Remedy
		plain  plainForm
	}{
		{"none", CrossEntropy{}, None{}, ce},
		{"SaLS", CrossEntropy{}, SaLS{}, ce},
		{"ZS-Norm", CrossEntropy{}, ZSNorm{}, func(l, z calib.Matrix, y []int) (float64, calib.Matrix, error) {
			return calib.ZSNormLoss(l, z, y)
		}},
		{"Penalty", CrossEntropy{}, Penalty{}, func(l, z calib.Matrix, y []int) (float64, calib.Matrix, error) {
			return calib.PenaltyLoss(l, z, y, calib.DefaultLambda)
		}},
		{"label smoothing", LabelSmoothing{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix, error) {
			return calib.LabelSmoothing(l, y, 0.05)
		}},
		{"ECP", ECP{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix,
			error) {
			return calib.ECP(l, y, 0.1)
		}},
		{"focal", Focal{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix,
			error) {
			return calib.Focal(l, y, 3)
		}},
		{"MbLS", MbLS{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix,
			error) {
			return calib.MbLS(l, y, 10, 0.1)
		}},
		{"LogitNorm", LogitNorm{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix, error) {
			return calib.LogitNorm(l, y, 0.04)
		}},
	}
	const n, k = 7, 6
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			logits, zs := make([]float32, n*k), make([]float32, n*k)
			y := make([]int, n)
			for i := range logits {
				logits[i] = 20 + 8*float32(rng.NormFloat64())
				zs[i] = 22 + 4*float32(rng.NormFloat64())
			}
			for i := range y {
				y[i] = rng.IntN(k)
			}
			l, _ := calib.FromFloat32(n, k, logits)
			z, _ := calib.FromFloat32(n, k, zs)
			want, wantGrad, err := c.plain(l, z, y)
			if err != nil {
				t.Fatal(err)
			}
			got, gotGrad := inGraph(t, c.loss, c.remedy, l, z, y)
			if math.Abs(got-want) > 1e-5*math.Max(1, math.Abs(want)) {
				t.Errorf("loss %.9g, plain form %.9g", got, want)
			}
			for i, w := range wantGrad.Data {
				if math.Abs(float64(gotGrad[i])-w) > 2e-6 {
					t.Errorf("gradient %d: %.9g, plain form %.9g", i, gotGrad[i], w)
				}
			}
		})
	}
}

func inGraph(t *testing.T, l Loss, r Remedy, logits, zs calib.Matrix, y []int) (float64, []float32) {
	t.Helper()
	g := graph.New(ref.New())
	defer g.Close()
	ln := g.Input("logits", tensor.Float32, logits.N, logits.K)
	yn := g.Input("labels", tensor.Int32, len(y))
	zn := g.Input("ranges", tensor.Float32, logits.N, 2)
	loss, _ := Compose(l, r, ln, yn, NewReference(nil, func() *graph.Node { return zn }), nil)
	grad := g.Gradients(loss, ln)
	p, err := g.Compile(loss, grad[0])
	if err != nil {
		t.Fatal(err)
	}
	var ranges []float32
	for i := range zs.N {
		row := narrow(zs.Row(i))
		ranges = append(ranges, slices.Min(row), slices.Max(row))
	}
	labels := make([]int32, len(y))
	for i, v := range y {
		labels[i] = int32(v)
	}
	for node, v := range map[*graph.Node]any{ln: narrow(logits.Data), yn: labels, zn: ranges} {
		if err := g.Set(node, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	value, err := p.Float32(loss)
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Float32(grad[0])
	if err != nil {
		t.Fatal(err)
	}
	return float64(value[0]), d
}

// TestHostFormsAgreeWithGraphForms compares value and gradient of a remedy on
// the host with those of its graph form, under a loss that is the sum of the
// mapped logits times weights.
func TestHostFormsAgreeWithGraphForms(t *testing.T) {
	const n, k = 5, 7
	rng := rand.New(rand.NewPCG(8, 9))
	l, w, zs := calib.NewMatrix(n, k), calib.NewMatrix(n, k), calib.NewMatrix(1, k)
	for i := range l.Data {
		l.Data[i], w.Data[i] = 20+8*rng.NormFloat64(), rng.NormFloat64()
	}
	for i := range zs.Data {
		zs.Data[i] = 22 + 4*rng.NormFloat64()
	}
	base := func(l calib.Matrix) (float64, calib.Matrix) {
		value := 0.0
		for i, v := range l.Data {
			value += w.Data[i] * v
		}
		return value, calib.Matrix{N: n, K: k, Data: slices.Clone(w.Data)}
	}
	d := device.Share(ref.New())
	for _, r := range []Remedy{None{}, ZSNorm{}, Penalty{}, Penalty{Lambda: 3}, SaLS{}} {
		host, inGraph := NewHost(r, true, d), NewHost(graphOnly(r), true, d)
		want, wantGrad, err := host.Loss(t.Context(), l, zs, false, base)
		if err != nil {
			t.Fatal(err)
		}
		got, gotGrad, err := inGraph.Loss(t.Context(), l, zs, false, base)
		if err != nil {
			t.Fatal(err)
		}
		if host.Detached() || inGraph.Detached() != ActsInTraining(r) {
			t.Errorf("%s: the reference is detached: host form %t, graph form %t", r.Name(), host.Detached(),
				inGraph.Detached())
		}
		if math.Abs(got-want) > 1e-5*math.Max(1, math.Abs(want)) {
			t.Errorf("%s: loss %.9g of the graph form, %.9g of the host form", r.Name(), got, want)
		}
		for i, w := range wantGrad.Data {
			if math.Abs(gotGrad.Data[i]-w) > 2e-6 {
				t.Errorf("%s: gradient %d: %.9g of the graph form, %.9g of the host form", r.Name(), i, gotGrad.Data[i],
					w)
			}
		}
		inGraph.Close()
	}
}

// TestGraphFormsTakeTheTunedReferenceAsData: where the reference is a row of the
// tuned logits, a graph form sees its values and no gradient flows into it.
func TestGraphFormsTakeTheTunedReferenceAsData(t *testing.T) {
	const n, k = 4, 6
	rng := rand.New(rand.NewPCG(5, 6))
	l, w := calib.NewMatrix(n, k), calib.NewMatrix(n, k)
	for i := range l.Data {
		l.Data[i], w.Data[i] = 20+8*rng.NormFloat64(), rng.NormFloat64()
	}
	base := func(l calib.Matrix) (float64, calib.Matrix) {
		value := 0.0
		for i, v := range l.Data {
			value += w.Data[i] * v
		}
		return value, calib.Matrix{N: n, K: k, Data: slices.Clone(w.Data)}
	}
	d := device.Share(ref.New())
	for _, r := range []Remedy{ZSNorm{}, Penalty{}} {
		host, inGraph := NewHost(r, true, d), NewHost(graphOnly(r), true, d)
		elsewhere := calib.NewMatrix(1, k) // must not be looked at
		reference := calib.Matrix{N: 1, K: k, Data: slices.Clone(l.Row(0))}
		want, wantGrad, err := host.Loss(t.Context(), l, reference, false, base)
		if err != nil {
			t.Fatal(err)
		}
		got, gotGrad, err := inGraph.Loss(t.Context(), l, elsewhere, true, base)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got-want) > 1e-5*math.Max(1, math.Abs(want)) {
			t.Errorf("%s: loss %.9g, with the reference as data %.9g", r.Name(), got, want)
		}
		for i, w := range wantGrad.Data {
			if math.Abs(gotGrad.Data[i]-w) > 2e-6 {
				t.Errorf("%s: gradient %d: %.9g, with the reference as data %.9g", r.Name(), i, gotGrad.Data[i], w)
			}
		}
		released, releasedGrad, err := host.Loss(t.Context(), l, elsewhere, true, base)
		if err != nil || math.Abs(released-want) > 1e-9*math.Max(1, math.Abs(want)) {
			t.Errorf("%s: loss as released %.9g, want %.9g: %v", r.Name(), released, want, err)
		}
		if slices.Equal(releasedGrad.Data, wantGrad.Data) {
			t.Errorf("%s: as released the built-in remedy's reference takes no gradient", r.Name())
		}
		inGraph.Close()
	}
}

// graphOnly hides a remedy's host forms.
func graphOnly(r Remedy) Remedy {
	if m, ok := r.(LogitMap); ok {
		return onlyMap{r, m}
	}
	if t, ok := r.(LossTerm); ok {
		return onlyTerm{r, t}
	}
	return r
}

type onlyMap struct {
	Remedy
	m LogitMap
}

func (o onlyMap) MapLogits(logits *graph.Node, zs *Reference) *graph.Node {
	return o.m.MapLogits(logits, zs)
}

type onlyTerm struct {
	Remedy
	t LossTerm
}

func (o onlyTerm) LossTerm(logits *graph.Node, zs *Reference) *graph.Node {
	return o.t.LossTerm(logits, zs)
}
