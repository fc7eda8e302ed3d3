package train

import (
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/graph"
)

// Remedy keeps adapted logits near the zero-shot ones. It is independent of the
// method: its hooks, each an interface of its own, see the node of the adapted
// logits, whatever graph they come out of.
type Remedy interface {
	Name() string
	Choices() []string
}

// LogitMap is a remedy that changes the logits which the training loss sees.
type LogitMap interface {
	MapLogits(logits *graph.Node, zs *Reference) *graph.Node
}

// LossTerm is a remedy that adds a term to the training loss.
type LossTerm interface {
	LossTerm(logits *graph.Node, zs *Reference) *graph.Node
}

// TextTerm is a remedy that adds to the training loss of prompts a term of the
// labels, int32 [B], and of the text features that the prompts give.
type TextTerm interface {
	TextTerm(logits, labels *graph.Node, texts *Texts) *graph.Node
}

// Texts are the classes' text features [K, D], of unit length, in the training of
// prompts.
type Texts struct {
	// Tuned builds those under the learned prompts: one for all samples of the
	// batch, or one for each where they differ.
	Tuned func() []*graph.Node
	// Frozen builds those of the zero-shot model.
	Frozen func() *graph.Node
}

// InferenceMap is a remedy that maps the logits of a trained model.
type InferenceMap interface {
	MapInference(adapted, zeroShot calib.Matrix) (calib.Matrix, error)
}

// HostLogitMap is the host form of a [LogitMap]. The reference zs is [N, K], or
// [1, K] for one that all N rows of the logits share. The function it returns
// adds to dl, and to dzs unless that is empty, the gradients with respect to the
// logits and to zs of what has the gradient upstream with respect to the mapped
// logits; dzs may be a part of dl.
type HostLogitMap interface {
	MapLogitsHost(logits, zs calib.Matrix) (calib.Matrix, func(upstream, dl, dzs calib.Matrix) error, error)
}

// HostLossTerm is the host form of a [LossTerm]: it returns the term and adds
// its gradients to dl and dzs, as a [HostLogitMap] does.
type HostLossTerm interface {
	LossTermHost(logits, zs, dl, dzs calib.Matrix) (float64, error)
}

// tuningChoice is a remedy that words what it does in test-time tuning other
// than in training.
type tuningChoice interface{ TuningChoice() string }

// ActsInTraining reports whether a remedy has a part in the training loss, and
// not only in the use of what was trained.
func ActsInTraining(r Remedy) bool {
	return len(With[LogitMap](r))+len(With[LossTerm](r))+len(With[TextTerm](r)) > 0
}

// CheckTexts refuses a remedy that asks for text features where training changes
// none; what says in words who trains.
func CheckTexts(r Remedy, what string) error {
	if len(With[TextTerm](r)) > 0 {
		return fmt.Errorf("remedy %s is for learned prompts (coop, kgcoop, ...): it holds the text features that they give, "+
			"and %s changes none", r.Name(), what)
	}
	return nil
}

// None leaves the logits alone.
type None struct{}

// Name is "none".
func (None) Name() string { return "none" }

// Choices says in words what the remedy does.
func (None) Choices() []string { return []string{"remedy: none"} }

// SaLS trains without a remedy and maps every sample's logits to its zero-shot
// range when the model is used; see [calib.SaLS].
type SaLS struct{}

// Name is "sals".
func (SaLS) Name() string { return "sals" }

// Choices says in words what the remedy does.
func (SaLS) Choices() []string {
	return []string{"remedy: sals, on the trained model's logits only; training is that of remedy none"}
}

// TuningChoice is Choices for test-time tuning.
func (SaLS) TuningChoice() string {
	return "remedy: sals, on the tuned model's logits only; reference: zero-shot logits of the plain image"
}

// MapInference maps every row to the range of the zero-shot one.
func (SaLS) MapInference(adapted, zeroShot calib.Matrix) (calib.Matrix, error) {
	return calib.SaLS(adapted, zeroShot)
}
