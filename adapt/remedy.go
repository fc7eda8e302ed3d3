package adapt

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/named"
	"clipcalib/internal/train"

	"gorgonia.org/gorgonia"
)

// Remedy keeps adapted logits near the zero-shot ones. It is independent of the
// method: what it does it does by one or more of [LogitMap], [LossTerm] and
// [InferenceMap], under any adapter, learned prompt or test-time tuning. A
// program may bring its own and make it known by [RegisterRemedy], so that it is
// saved, loaded and reported as the built-in ones are. It is a struct; fields
// with a tag are its settings (see [Setting]).
type Remedy interface {
	// Name is the remedy's name on the command line and in files.
	Name() string
	// Choices says in words what the remedy does.
	Choices() []string
}

// LogitMap is a remedy that changes the logits which the training loss sees.
type LogitMap interface {
	Remedy
	// MapLogits returns what the loss sees of the logits [B, K]: [B, K] too, a
	// node of the same graph, in stock Gorgonia operations or those of adapt/nn.
	MapLogits(logits *gorgonia.Node, zs *Reference) *gorgonia.Node
}

// LossTerm is a remedy that adds a term to the training loss.
type LossTerm interface {
	Remedy
	// LossTerm returns the term, one number, of the logits [B, K].
	LossTerm(logits *gorgonia.Node, zs *Reference) *gorgonia.Node
}

// TextTerm is a remedy that adds to the loss of learned prompts a term of the
// labels and of the text features that the prompts give. No other method has such
// features, and all others refuse it.
type TextTerm interface {
	Remedy
	// TextTerm returns the term, one number, of the logits [B, K], the labels,
	// int32 [B], and the text features.
	TextTerm(logits, labels *gorgonia.Node, texts *Texts) *gorgonia.Node
}

// Texts are the classes' text features [K, D], of unit length, in the training of
// prompts. Its fields are
//
//	Tuned  func() []*gorgonia.Node // under the learned prompts: one for the batch, or one for each of its samples
//	Frozen func() *gorgonia.Node   // of the zero-shot model
type Texts = train.Texts

// InferenceMap is a remedy that maps the logits of a trained model.
type InferenceMap interface {
	Remedy
	// MapInference returns the logits to use, [N, K], for the adapted and the
	// zero-shot logits [N, K] of the same samples.
	MapInference(adapted, zeroShot calib.Matrix) (calib.Matrix, error)
}

// HostLogitMap is a [LogitMap] that test-time tuning need not run as a graph.
type HostLogitMap interface {
	LogitMap
	// MapLogitsHost is MapLogits for logits [N, K] in float64; the reference zs
	// is [N, K], or [1, K] for one that all rows share. The function it returns
	// adds to dl [N, K], and to dzs (of zs's shape, or empty), the gradients with
	// respect to logits and zs of what has the gradient upstream with respect to
	// the mapped logits. The memory of dzs may be a part of that of dl.
	MapLogitsHost(logits, zs calib.Matrix) (
		mapped calib.Matrix, back func(upstream, dl, dzs calib.Matrix) error, err error,
	)
}

// HostLossTerm is a [LossTerm] that test-time tuning need not run as a graph.
type HostLossTerm interface {
	LossTerm
	// LossTermHost returns the term and adds its gradients to dl and dzs, as
	// [HostLogitMap] says.
	LossTermHost(logits, zs, dl, dzs calib.Matrix) (float64, error)
}

// Reference is what a remedy is told of the zero-shot model. Its methods give
// nodes of the graph that the logits are in, built when they are first asked
// for:
//
//	Logits() *gorgonia.Node  // zero-shot logits of the batch, [B, K]
//	Range() *gorgonia.Node   // least and greatest of every sample, [B, 2]
type Reference = train.Reference

// The remedies of the paper. Those that test-time tuning describes in words of
// its own have a method TuningChoice() string for them.
type (
	// None is the [Remedy] that leaves the logits alone.
	None = train.None

	// ZSNorm, a [LogitMap] and [HostLogitMap], maps the logits to the zero-shot range inside the training loss, the
	// extremes not detached. The trained model's logits are used as they are.
	ZSNorm = train.ZSNorm

	// Penalty, a [LossTerm] and [HostLossTerm], adds Lambda * (mean ReLU(l - max) + mean ReLU(min - l)) to the
	// training loss, min and max being those of the sample's zero-shot logits and
	// the means over batch and classes. The trained model's logits are used as
	// they are. Its field is
	//
	//	Lambda float64 // 0 means calib.DefaultLambda, 10; Zero means 0
	Penalty = train.Penalty

	// SaLS, an [InferenceMap], trains without a remedy and maps every sample's logits to its zero-shot
	// range when the model is used; see [calib.SaLS].
	SaLS = train.SaLS
)

// TCPT, a [TextTerm], is a remedy for learned prompts alone: it holds the margins of the logits and the moments of
// the text features (Sharifdeen et al., "Towards Calibrating Prompt Tuning of Vision-Language Models", 2026). Its
// fields are
//
//	MarginMean float64 // weight of the mean margin, which it raises; 0 means 0.1; Zero means 0
//	MarginVar  float64 // weight of the margins' variance; 0 means 0.01; Zero means 0
//	Moments    float64 // weight of the distance of mean and covariance; 0 means 5; Zero means 0
type TCPT = train.TCPT

var remedies = train.NewRegistry[Remedy]("remedy", None{}, ZSNorm{}, Penalty{}, SaLS{}, TCPT{})

// Remedies lists the remedies, those of the paper first and in its order, then
// later ones and those that were registered.
func Remedies() []Remedy { return remedies.All() }

// PaperRemedies lists the remedies of the paper, none among them.
func PaperRemedies() []Remedy { return []Remedy{None{}, ZSNorm{}, Penalty{}, SaLS{}} }

// ParseRemedy returns the remedy of a name, with its default settings. Names
// with + between them, in the order of [Remedies], are what [Combine] makes of them.
func ParseRemedy(name string) (Remedy, error) {
	if !strings.Contains(name, train.Joint) {
		return remedies.Find(name)
	}
	var parts []Remedy
	for part := range strings.SplitSeq(name, train.Joint) {
		r, err := remedies.Find(part)
		if err != nil {
			return nil, fmt.Errorf("remedy %q: %w", name, err)
		}
		parts = append(parts, r)
	}
	r, err := Combine(parts...)
	if err != nil {
		return nil, err
	}
	known := named.Names(remedies.All())
	slices.SortStableFunc(parts, func(a, b Remedy) int {
		return slices.Index(known, a.Name()) - slices.Index(known, b.Name())
	})
	if sorted, err := Combine(parts...); err == nil && sorted.Name() != name {
		return nil, fmt.Errorf("remedy %q: write %s, so that one combination has one name", name, sorted.Name())
	}
	return r, nil
}

// Combine makes one remedy of two or more, such as [ZSNorm] in training and
// [SaLS] at inference. Several may add terms to the loss, one at most may map the
// logits in training and one at inference; a term sees the logits ahead of the map.
// The combination's name, which [ParseRemedy] reads, is those of its parts with +
// between them, and its settings are theirs, no two of which may have one name.
func Combine(parts ...Remedy) (Remedy, error) {
	inner := make([]train.Remedy, len(parts))
	for i, p := range parts {
		inner[i] = p
	}
	return train.Combine(inner...)
}

// RegisterRemedy makes a remedy known by its name to [ParseRemedy], and so to
// whatever reads saved adapters, prompts and runs. A name that is taken is an
// error, and so is a remedy that does nothing.
func RegisterRemedy(r Remedy) error {
	if !MapsInference(r) && !train.ActsInTraining(r) {
		return fmt.Errorf("register remedy %s: it does nothing; it wants a method MapLogits, LossTerm, TextTerm or "+
			"MapInference", r.Name())
	}
	return remedies.Add(r)
}

// ActsInTraining reports whether a remedy has a part in the training loss, and
// not only in the use of what was trained.
func ActsInTraining(r Remedy) bool { return train.ActsInTraining(r) }

// MapsInference reports whether a remedy, or a part of one that [Combine] made, is an
// [InferenceMap].
func MapsInference(r Remedy) bool {
	_, ok := train.Inference(r)
	return ok
}

// NeedsTexts reports whether a remedy, or a part of one that [Combine] made, is a
// [TextTerm], which learned prompts alone can have.
func NeedsTexts(r Remedy) bool { return len(train.With[train.TextTerm](r)) > 0 }

// Rescale applies the map of inference of r, if it has one, to adapted logits
// [N, K], given the zero-shot logits of the same samples.
func Rescale(r Remedy, adapted, zeroShot Matrix) (Matrix, error) {
	m, ok := train.Inference(r)
	if !ok {
		return adapted, nil
	}
	l, err := calib.FromFloat32(adapted.Rows, adapted.Cols, adapted.Data)
	if err != nil {
		return Matrix{}, fmt.Errorf("remedy %s: %w", r.Name(), err)
	}
	z, err := calib.FromFloat32(zeroShot.Rows, zeroShot.Cols, zeroShot.Data)
	if err != nil {
		return Matrix{}, fmt.Errorf("remedy %s: zero-shot: %w", r.Name(), err)
	}
	mapped, err := m.MapInference(l, z)
	if err != nil {
		return Matrix{}, fmt.Errorf("remedy %s: %w", r.Name(), err)
	}
	if mapped.N != l.N || mapped.K != l.K || len(mapped.Data) != len(l.Data) {
		return Matrix{}, fmt.Errorf("remedy %s: maps logits [%d, %d] to [%d, %d]: the shape must stay",
			r.Name(), l.N, l.K, mapped.N, mapped.K)
	}
	out := NewMatrix(mapped.N, mapped.K)
	for i, v := range mapped.Data {
		out.Data[i] = float32(v)
	}
	return out, nil
}
