package testtime

import (
	"fmt"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/named"
)

// Method is how a prompt is tuned: TPT's marginal entropy, and a term in the
// classes' text features that a method may add to it.
type Method interface {
	// Name is the method's name on the command line.
	Name() string
	// Choices says in words what the method does.
	Choices() []string

	// term returns the term for unit text features [K, D], with its gradient;
	// the gradient of a method without a term is empty.
	term(unit calib.Matrix) (float64, calib.Matrix)
}

// Methods lists the methods with their default settings. Those of which a
// constant is not known have a required one; see [adapt.Setting].
func Methods() []Method { return []Method{TPT{}, CTPT{}, OTPT{}, ATPT{}, SoC{}} }

// ParseMethod returns the method of a name with its default settings.
func ParseMethod(name string) (Method, error) {
	return named.Find("test-time method", name, Methods())
}

// entropyChoice is what all methods do.
const entropyChoice = "loss: entropy of the mean prediction of the most confident views"

// TPT lowers the entropy of the mean prediction (Shu et al., "Test-Time Prompt
// Tuning for Zero-Shot Generalization in Vision-Language Models", 2022).
type TPT struct{}

// Name is "tpt".
func (TPT) Name() string { return "tpt" }

// Choices says in words what the method does.
func (TPT) Choices() []string { return []string{entropyChoice} }

func (TPT) term(calib.Matrix) (float64, calib.Matrix) { return 0, calib.Matrix{} }

// CTPT also raises the dispersion of the text features, the mean distance of
// the classes' unit features from their centre (Yoon et al., "C-TPT: Calibrated
// Test-Time Prompt Tuning for Vision-Language Models via Text Feature
// Dispersion", 2024).
type CTPT struct {
	// Lambda is the dispersion's weight; 0 means 50, that of the fine-grained
	// sets. The release takes 20 for the shifted ImageNets.
	Lambda float64 `set:"lambda" default:"50" range:">=0" from:"the release" help:"weight of the dispersion"`
}

// Name is "c-tpt".
func (CTPT) Name() string { return "c-tpt" }

// Choices says in words what the method does.
func (m CTPT) Choices() []string {
	return []string{entropyChoice, fmt.Sprintf("loss: minus %g times the dispersion of the text features", m.lambda())}
}

func (m CTPT) lambda() float64 { return adapt.Resolved(m).Lambda }

func (CTPT) leavesMapOut() {}

func (m CTPT) term(unit calib.Matrix) (float64, calib.Matrix) {
	d, grad := dispersion(unit)
	for i := range grad.Data {
		grad.Data[i] *= -m.lambda()
	}
	return -m.lambda() * d, grad
}

// OTPT also makes the text features more orthogonal (Sharifdeen et al., "O-TPT:
// Orthogonality Constraints for Calibrating Test-time Prompt Tuning in
// Vision-Language Models", 2025), in the form of its released code: with S the
// cosines between the classes' features, it adds the mean distance of the rows
// of S, each reflected onto its own axis by a Householder reflection, from the
// rows of the identity. A reflection keeps lengths, so that distance is
// | |S_k| - 1 |. (The paper writes |S - I|^2, which this is not.)
type OTPT struct {
	// Lambda is the term's weight; 0 means 18. The release takes 2 for the
	// shifted ImageNets.
	Lambda float64 `set:"lambda" default:"18" range:">=0" from:"the release" help:"weight of the term"`
}

// Name is "o-tpt".
func (OTPT) Name() string { return "o-tpt" }

// Choices says in words what the method does.
func (m OTPT) Choices() []string {
	return []string{entropyChoice, fmt.Sprintf("loss: plus %g times the mean over classes of | |S_k| - 1 |, "+
		"S the cosines of the text features (as released)", m.lambda())}
}

func (m OTPT) lambda() float64 { return adapt.Resolved(m).Lambda }

func (m OTPT) term(unit calib.Matrix) (float64, calib.Matrix) {
	d, grad := overlap(unit)
	for i := range grad.Data {
		grad.Data[i] *= m.lambda()
	}
	return m.lambda() * d, grad
}
