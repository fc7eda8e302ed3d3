package adapt

import (
	"fmt"

	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/gorgonia"
)

// TipAdapter adds to the zero-shot logits those of a cache of the training
// features F: l = s*cos(f, t) + Alpha * A V, where A_ij = exp(-Beta + Beta*a_ij),
// V holds the labels as one-hot rows and a_ij is the cosine of feature i and
// key j (Zhang et al., 2022). Nothing is trained.
//
// Under [CLIPCalib] the query is not normalised, so that a_ij is the cosine
// times the feature's norm. Neither form searches Alpha and Beta, which the
// published code does on the evaluation set.
type TipAdapter struct {
	// Alpha and Beta are 1 where they are 0.
	Alpha float64 `set:"alpha" default:"1" range:">=0" from:"the published code" help:"weight of the cache"`
	Beta  float64 `set:"beta" default:"1" range:">=0" from:"the published code" help:"sharpness of the affinity"`
	// RawKeys uses the keys as they are, as Tip-Adapter's own code does; else
	// they are scaled to unit length where they are used.
	RawKeys bool `set:"raw-keys" default:"false" from:"the reference" help:"keys as they are, not of length 1"`
}

// Name is "tip-adapter".
func (TipAdapter) Name() string { return "tip-adapter" }

// Choices says in words what the method's own settings are.
func (m TipAdapter) Choices() []string {
	return []string{fmt.Sprintf("method: Tip-Adapter, training-free, alpha %g, beta %g%s, no search", m.alpha(),
		m.beta(), keysInWords(m.RawKeys))}
}

func (m TipAdapter) alpha() float64 { return Resolved(m).Alpha }
func (m TipAdapter) beta() float64  { return Resolved(m).Beta }

func (TipAdapter) Layout(k, d int) []Slot {
	return []Slot{{Name: nameKeys, Rows: AnyRows, Cols: d, Labelled: true}}
}

func (m TipAdapter) Start(t *Training) (State, error) {
	s := NewState()
	s.Fixed[nameKeys] = cacheKeys(t.data, t.options.Compat)
	s.Labels = cacheLabels(t.data)
	return s, nil
}

func (m TipAdapter) Logits(b *Batch) *gorgonia.Node {
	return tipLogits(b, tipKeys(b, m.RawKeys), m.alpha(), m.beta())
}

// asTrained is the method that training m amounts to. The reference lets the
// training-free Tip-Adapter through its first epoch, whose rate is 1e-5, like any
// other method.
func asTrained(m Method, c Compat) Method {
	if tip, ok := m.(TipAdapter); ok && c == CLIPCalib {
		return TipAdapterF(tip)
	}
	return m
}

// OptionsOf returns the options that a training of m goes by, of resolved ones:
// those of one warm-up epoch for the reference's training-free Tip-Adapter.
func OptionsOf(m Method, o Options) Options {
	if _, ok := m.(TipAdapter); ok && o.Compat == CLIPCalib {
		o.Epochs, o.Schedule = 1, WarmCosine
	}
	return o
}

// afterwards makes a what m leaves behind: a cache that trains no longer.
func (a *Adapter) afterwards(m Method) {
	tip, ok := m.(TipAdapter)
	if !ok || a == nil {
		return
	}
	a.Method = tip
	if keys, trained := a.state.Trained[nameKeys]; trained {
		a.state.Fixed[nameKeys] = keys
		delete(a.state.Trained, nameKeys)
	}
}

// TipAdapterF is [TipAdapter] whose keys are trained, the text prototypes and
// the labels staying fixed. The published code trains them for 20 epochs by
// [AdamW] at rate 0.001 with epsilon 1e-4 under [StepCosine].
type TipAdapterF struct {
	// Alpha and Beta are 1 where they are 0.
	Alpha float64 `set:"alpha" default:"1" range:">=0" from:"the published code" help:"weight of the cache"`
	Beta  float64 `set:"beta" default:"1" range:">=0" from:"the published code" help:"sharpness of the affinity"`
	// RawKeys uses the keys as they are, as Tip-Adapter's own code does; else
	// they are scaled to unit length where they are used.
	RawKeys bool `set:"raw-keys" default:"false" from:"the reference" help:"keys as they are, not of length 1"`
}

// Name is "tip-adapter-f".
func (TipAdapterF) Name() string { return "tip-adapter-f" }

// Choices says in words what the method's own settings are.
func (m TipAdapterF) Choices() []string {
	return []string{fmt.Sprintf("method: Tip-Adapter-F, trained keys, alpha %g, beta %g%s, no search", m.alpha(),
		m.beta(), keysInWords(m.RawKeys))}
}

func (m TipAdapterF) alpha() float64 { return Resolved(m).Alpha }
func (m TipAdapterF) beta() float64  { return Resolved(m).Beta }

func (TipAdapterF) Layout(k, d int) []Slot {
	return []Slot{{Name: nameKeys, Rows: AnyRows, Cols: d, Trained: true, Labelled: true}}
}

func (m TipAdapterF) Start(t *Training) (State, error) {
	s := NewState()
	s.Trained[nameKeys] = cacheKeys(t.data, t.options.Compat)
	s.Labels = cacheLabels(t.data)
	return s, nil
}

func (m TipAdapterF) Logits(b *Batch) *gorgonia.Node {
	return tipLogits(b, tipKeys(b, m.RawKeys), m.alpha(), m.beta())
}

func keysInWords(raw bool) string {
	if raw {
		return ", keys as they are"
	}
	return ""
}

// tipKeys are the keys of the cache as they are used.
func tipKeys(b *Batch, raw bool) *gorgonia.Node {
	if raw {
		return b.Matrix(nameKeys)
	}
	return ops.L2Normalize(b.g, b.Matrix(nameKeys))
}

// cacheKeys returns one key a sample: the mean over its views, or its first
// view under CLIPCalib. Keys are normalised where they are used.
func cacheKeys(d Data, c Compat) Matrix {
	n := d.samples()
	keys := d.Features.head(n).Clone()
	if c == CLIPCalib || d.views() == 1 {
		return keys
	}
	for i := range n {
		row := keys.Row(i)
		for j := range row {
			sum := 0.0
			for v := range d.views() {
				sum += float64(d.Features.Row(v*n + i)[j])
			}
			row[j] = float32(sum / float64(d.views()))
		}
	}
	return keys
}

func cacheLabels(d Data) []int {
	labels := make([]int, d.samples())
	for i := range labels {
		labels[i] = d.label(i)
	}
	return labels
}

// tipLogits works on the transposed affinity [N, B], where the product with
// the one-hot labels is a sum of rows by class instead of a third matrix
// product of N*B*K.
func tipLogits(b *Batch, keys *gorgonia.Node, alpha, beta float64) *gorgonia.Node {
	query := b.UnitFeatures()
	if b.Compat() == CLIPCalib {
		query = b.Features()
	}
	affinity := ops.MatMul(b.g, keys, query, false, true, 1)
	votes := ops.ExpAffine(b.g, affinity, float32(beta), float32(-beta))
	byClass := ops.Transpose(b.g, classSum(b.g, votes, b.Labels(), b.Classes()))
	return ops.Axpby(b.g, 1, b.CosineLogits(b.UnitFeatures(), b.UnitPrototypes()), float32(alpha), byClass)
}

// classSum adds the rows of x [N, B] by label (int32 [N]), giving [classes, B].
// Rows with a negative label are left out.
func classSum(g *graph.Graph, x, labels *graph.Node, classes int) *graph.Node {
	if g.Err() != nil {
		return x
	}
	return g.Apply(graph.Op{
		Name: "class sum",
		Out:  []int{classes, x.Shape()[1]},
		Run:  func(c graph.Call) error { return c.Engine.ScatterAdd(c.Out, c.In[0], c.In[1]) },
		Grad: func(g *graph.Graph, in []*graph.Node, _, dy *graph.Node, _ []bool) []*graph.Node {
			return []*graph.Node{ops.Gather(g, dy, in[1]), nil}
		},
	}, x, labels)
}
