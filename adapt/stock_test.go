package adapt_test

import (
	"math"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/nn"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"

	"gorgonia.org/gorgonia"
)

var must = gorgonia.Must

// bounds are the least and greatest zero-shot logit of every sample, [B] each,
// in stock operations.
func bounds(zs *adapt.Reference) (low, high *gorgonia.Node) {
	return must(gorgonia.Slice(zs.Range(), nil, gorgonia.S(0))), must(gorgonia.Slice(zs.Range(), nil, gorgonia.S(1)))
}

// perRow applies a broadcast operation of the matrix x and the column y.
func perRow(op func(a, b *gorgonia.Node, left, right []byte) (*gorgonia.Node, error), x,
	y *gorgonia.Node) *gorgonia.Node {
	return must(op(x, must(gorgonia.Reshape(y, []int{x.Shape()[0], 1})), nil, []byte{1}))
}

// stockPenalty is Penalty in Gorgonia's operations; relu is its own or nn.ReLU.
type stockPenalty struct {
	relu func(*gorgonia.Node) *gorgonia.Node
}

func (stockPenalty) Name() string      { return "stock-penalty" }
func (stockPenalty) Choices() []string { return []string{"remedy: stock-penalty"} }

func (p stockPenalty) LossTerm(logits *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node {
	low, high := bounds(zs)
	above := p.relu(perRow(gorgonia.BroadcastSub, logits, high))
	below := p.relu(must(gorgonia.Neg(perRow(gorgonia.BroadcastSub, logits, low))))
	sum := must(gorgonia.Add(must(gorgonia.Mean(above)), must(gorgonia.Mean(below))))
	return must(gorgonia.Mul(sum, gorgonia.NewConstant(float32(10))))
}

// stockZSNorm is ZSNorm in Gorgonia's operations.
type stockZSNorm struct {
	rowMax func(*gorgonia.Node) *gorgonia.Node
}

func (stockZSNorm) Name() string      { return "stock-zs-norm" }
func (stockZSNorm) Choices() []string { return []string{"remedy: stock-zs-norm"} }

func (r stockZSNorm) MapLogits(logits *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node {
	low, high := bounds(zs)
	top := r.rowMax(logits)
	bottom := must(gorgonia.Neg(r.rowMax(must(gorgonia.Neg(logits)))))
	unit := perRow(gorgonia.BroadcastHadamardDiv, perRow(gorgonia.BroadcastSub, logits, bottom),
		must(gorgonia.Sub(top, bottom)))
	scaled := perRow(gorgonia.BroadcastHadamardProd, unit, must(gorgonia.Sub(high, low)))
	return perRow(gorgonia.BroadcastAdd, scaled, low)
}

func stockReLU(x *gorgonia.Node) *gorgonia.Node { return must(gorgonia.Rectify(x)) }

func stockRowMax(x *gorgonia.Node) *gorgonia.Node { return must(gorgonia.Max(x, 1)) }

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-5*math.Max(1, math.Abs(b)) }

// TestStockOperationsTrainAsTheBuiltInRemedies: away from kinks and ties, where
// Gorgonia's Rectify and Max have derivatives of their own, a user's remedy
// gives the built-in losses and parameters; with the public ReLU everywhere, a
// start on Penalty's kink included.
func TestStockOperationsTrainAsTheBuiltInRemedies(t *testing.T) {
	away, kink := adapt.Method(adapt.ZSLP{Random: true}), adapt.Method(adapt.TaskRes{})
	for _, c := range []struct {
		method          adapt.Method
		remedy, builtIn adapt.Remedy
	}{
		{away, stockPenalty{stockReLU}, adapt.Penalty{}},
		{away, stockPenalty{nn.ReLU}, adapt.Penalty{}},
		{kink, stockPenalty{nn.ReLU}, adapt.Penalty{}},
		{away, stockZSNorm{stockRowMax}, adapt.ZSNorm{}},
		{kink, stockZSNorm{stockRowMax}, adapt.ZSNorm{}},
	} {
		o := adapt.Options{Epochs: 6, LR: 0.01, Schedule: adapt.Constant}
		a, err := adapt.Train(t.Context(), c.method, c.remedy, twoClasses(), o)
		if err != nil {
			t.Errorf("%s: %v", c.remedy.Name(), err)
			continue
		}
		b, err := adapt.Train(t.Context(), c.method, c.builtIn, twoClasses(), o)
		if err != nil {
			t.Fatal(err)
		}
		for e := range a.Losses {
			if !near(a.Losses[e], b.Losses[e]) {
				t.Errorf("%s under %s: epoch %d: loss %.9g, built in %.9g", c.method.Name(), c.remedy.Name(), e,
					a.Losses[e], b.Losses[e])
			}
		}
		for name, m := range b.Parameters() {
			for i, v := range m.Data {
				if got := a.Parameters()[name].Data[i]; !near(float64(got), float64(v)) {
					t.Fatalf("%s under %s: %s %d is %.9g, built in %.9g", c.method.Name(), c.remedy.Name(), name, i,
						got, v)
				}
			}
		}
	}
}

func TestStockOperationsOnTowersAndAtTestTime(t *testing.T) {
	model := openTiny(t)
	dim := model.Config.EmbedDim
	data := prompt.Data{Classes: []string{"cat", "fork lift", "tin"}, Labels: []int{0, 1, 2, 0},
		Features: waves(4, dim, 1)}
	for _, c := range []struct{ remedy, builtIn adapt.Remedy }{
		{stockPenalty{nn.ReLU}, adapt.Penalty{}}, {stockZSNorm{stockRowMax}, adapt.ZSNorm{}},
	} {
		var losses [2][]float64
		var tuned [2]testtime.Prediction
		for i, r := range []adapt.Remedy{c.remedy, c.builtIn} {
			l, err := prompt.Train(t.Context(), model, prompt.CoOp{Contexts: 2}, r, data, prompt.Options{Epochs: 3,
				Batch: 4})
			if err != nil {
				t.Fatalf("%s: %v", r.Name(), err)
			}
			losses[i] = l.Losses
			tuner, err := testtime.NewTuner(t.Context(), model.Images, model.Texts, data.Classes, testtime.TPT{}, r,
				testtime.Options{Keep: 0.5})
			if err != nil {
				t.Fatal(err)
			}
			views := waves(8, dim, 2)
			var rows [][]float32
			for v := range views.Rows {
				rows = append(rows, views.Row(v))
			}
			tuned[i], err = tuner.TuneFeatures(t.Context(), rows, "picture")
			tuner.Close()
			if err != nil {
				t.Fatalf("%s: %v", r.Name(), err)
			}
		}
		for e := range losses[0] {
			if !near(losses[0][e], losses[1][e]) {
				t.Errorf("%s: epoch %d: loss %.9g, built in %.9g", c.remedy.Name(), e, losses[0][e], losses[1][e])
			}
		}
		if !near(tuned[0].Loss, tuned[1].Loss) {
			t.Errorf("%s: tuning loss %.9g, built in %.9g", c.remedy.Name(), tuned[0].Loss, tuned[1].Loss)
		}
	}
}
