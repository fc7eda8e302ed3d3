package adapt

import (
	"clipcalib/internal/train"

	"gorgonia.org/gorgonia"
)

// Loss is the classification loss, under any method and remedy: plain
// cross-entropy or a baseline of the calibration literature, whose defaults are
// those of MbLS's comparison (Liu et al., 2022). A program may bring its own and
// make it known by [RegisterLoss]. It is a struct; fields with a tag are its
// settings (see [Setting]).
type Loss interface {
	// Name is the loss's name on the command line.
	Name() string
	// String is the name with the constants in force.
	String() string
	// Build is the loss, one number, of logits [B, K] and labels, int32 [B]: a
	// node of their graph, in stock Gorgonia operations or those of adapt/nn.
	Build(logits, labels *gorgonia.Node) *gorgonia.Node
}

// The built-in losses, each a [Loss].
type (
	// CrossEntropy is the mean of -log p_y.
	CrossEntropy = train.CrossEntropy

	// LabelSmoothing is (1-a)*CE + a*mean_k(-log p_k), where the field
	//
	//	Alpha float64 // 0 means 0.05; Zero means 0
	//
	// is a.
	LabelSmoothing = train.LabelSmoothing

	// ECP rewards entropy: CE - a*mean_k(-p_k log p_k), p clamped to
	// [1e-10, 1-1e-10], where the field
	//
	//	Alpha float64 // 0 means 0.1; Zero means 0
	//
	// is a.
	ECP = train.ECP

	// Focal is -(1-p_y)^gamma log p_y, where the field
	//
	//	Gamma float64 // 0 means 3; Zero means 0
	//
	// is gamma.
	Focal = train.Focal

	// MbLS is CE + a*mean_ik ReLU(max_j l_ij - l_ik - margin), of the fields
	//
	//	Alpha  float64 // a; 0 means 0.1; Zero means 0
	//	Margin float64 // 0 means 10; Zero means 0
	MbLS = train.MbLS

	// LogitNorm is the cross-entropy of l/(tau*(|l| + 1e-7)) (Wei et al., 2022),
	// where the field
	//
	//	Tau float64 // 0 means 0.04
	//
	// is tau.
	LogitNorm = train.LogitNorm
)

var losses = train.NewRegistry[Loss]("loss",
	CrossEntropy{}, LabelSmoothing{}, ECP{}, Focal{}, MbLS{}, LogitNorm{})

// Losses lists the losses with their default constants, then those that were
// registered.
func Losses() []Loss { return losses.All() }

// ParseLoss returns the loss of a name with its default constants.
func ParseLoss(name string) (Loss, error) { return losses.Find(name) }

// RegisterLoss makes a loss known by its name to [ParseLoss]. A name that is
// taken is an error.
func RegisterLoss(l Loss) error { return losses.Add(l) }
