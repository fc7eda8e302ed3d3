package adapt

import (
	"fmt"

	"clipcalib/calib"
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

var remedies = train.NewRegistry[Remedy]("remedy", None{}, ZSNorm{}, Penalty{}, SaLS{})

// Remedies lists the remedies, in the order of the paper, then those that were
// registered.
func Remedies() []Remedy { return remedies.All() }

// ParseRemedy returns the remedy of a name, with its default settings.
func ParseRemedy(name string) (Remedy, error) { return remedies.Find(name) }

// RegisterRemedy makes a remedy known by its name to [ParseRemedy], and so to
// whatever reads saved adapters, prompts and runs. A name that is taken is an
// error, and so is a remedy that does nothing.
func RegisterRemedy(r Remedy) error {
	_, maps := r.(InferenceMap)
	if !maps && !train.ActsInTraining(r) {
		return fmt.Errorf("register remedy %s: it does nothing; it wants a method MapLogits, LossTerm or MapInference",
			r.Name())
	}
	return remedies.Add(r)
}

// ActsInTraining reports whether a remedy has a part in the training loss, and
// not only in the use of what was trained.
func ActsInTraining(r Remedy) bool { return train.ActsInTraining(r) }

// Rescale applies the map of inference of r, if it has one, to adapted logits
// [N, K], given the zero-shot logits of the same samples.
func Rescale(r Remedy, adapted, zeroShot Matrix) (Matrix, error) {
	m, ok := r.(InferenceMap)
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
