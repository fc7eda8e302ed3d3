package adapt

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipcalib/calib"
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
		{"ECP", ECP{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix, error) { return calib.ECP(l, y, 0.1) }},
		{"focal", Focal{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix, error) { return calib.Focal(l, y, 3) }},
		{"MbLS", MbLS{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix, error) { return calib.MbLS(l, y, 10, 0.1) }},
		{"LogitNorm", LogitNorm{}, None{}, func(l, _ calib.Matrix, y []int) (float64, calib.Matrix, error) {
			return calib.LogitNorm(l, y, 0.04)
		}},
	}
	const n, k = 7, 6
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			logits, zs := NewMatrix(n, k), NewMatrix(n, k)
			y := make([]int, n)
			for i := range logits.Data {
				logits.Data[i] = 20 + 8*float32(rng.NormFloat64())
				zs.Data[i] = 22 + 4*float32(rng.NormFloat64())
			}
			for i := range y {
				y[i] = rng.IntN(k)
			}
			l, _ := calib.FromFloat32(n, k, logits.Data)
			z, _ := calib.FromFloat32(n, k, zs.Data)
			want, wantGrad, err := c.plain(l, z, y)
			if err != nil {
				t.Fatal(err)
			}
			got, gotGrad := graphForm(t, c.loss, c.remedy, logits, zs, y)
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

func graphForm(t *testing.T, l Loss, r Remedy, logits, zs Matrix, y []int) (float64, []float32) {
	t.Helper()
	g := graph.New(ref.New())
	ln := g.Input("logits", tensor.Float32, logits.Rows, logits.Cols)
	yn := g.Input("labels", tensor.Int32, len(y))
	zn := g.Input("ranges", tensor.Float32, logits.Rows, 2)
	loss := composeLoss(g, l, r, ln, yn, zn)
	grad := g.Gradients(loss, ln)
	p, err := g.Compile(loss, grad[0])
	if err != nil {
		t.Fatal(err)
	}
	ranges := NewMatrix(zs.Rows, 2)
	for i := range zs.Rows {
		row := zs.Row(i)
		ranges.Row(i)[0], ranges.Row(i)[1] = slices.Min(row), slices.Max(row)
	}
	for node, v := range map[*graph.Node]any{ln: logits.Data, yn: int32s(y), zn: ranges.Data} {
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

// TestPenaltyStartsOnItsKink: before the first step the logits of TaskRes are
// the zero-shot ones to the last bit, so the penalty adds nothing, whatever
// the shapes.
func TestPenaltyStartsOnItsKink(t *testing.T) {
	for _, c := range []struct{ samples, classes, width, batch int }{
		{40, 5, 16, 256}, {64, 7, 24, 64}, {300, 130, 96, 256}, {257, 100, 64, 257},
	} {
		d := imagenet(c.samples, c.classes, c.width)
		d.Features = d.Features.head(min(c.batch, c.samples))
		d.Labels = d.Labels[:d.Features.Rows]
		o := Options{Epochs: 1, Batch: c.batch}
		for _, m := range []Method{TaskRes{}, ZSLP{}} {
			with, without := mustTrain(t, m, Penalty{}, d, o), mustTrain(t, m, None{}, d, o)
			if with.Losses[0] != without.Losses[0] {
				t.Errorf("%s, %+v: loss %.9g with the penalty, %.9g without", m.Name(), c, with.Losses[0], without.Losses[0])
			}
		}
	}
}

func TestSaLSKeepsTheZeroShotRangeAndTheClass(t *testing.T) {
	d, test := small(t)
	a := mustTrain(t, TaskRes{}, SaLS{}, d, Options{Epochs: 20})
	ctx := context.Background()
	mapped, err := a.Logits(test)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := a.RawLogits(ctx, test)
	if err != nil {
		t.Fatal(err)
	}
	zs, err := a.ZeroShotLogits(ctx, test)
	if err != nil {
		t.Fatal(err)
	}
	for i := range mapped.Rows {
		m, r, z := mapped.Row(i), raw.Row(i), zs.Row(i)
		if slices.Max(m) != slices.Max(z) || slices.Min(m) != slices.Min(z) {
			t.Errorf("sample %d: range [%g, %g], want [%g, %g]", i, slices.Min(m), slices.Max(m), slices.Min(z), slices.Max(z))
		}
		if slices.Index(m, slices.Max(m)) != slices.Index(r, slices.Max(r)) {
			t.Errorf("sample %d: SaLS changed the class", i)
		}
	}
}
