package adapt

import (
	"clipcalib/internal/train"

	"gorgonia.org/gorgonia"
)

// Method is a way to adapt: what is trained and how logits come out of it. A
// program may bring its own adapter and make it known by [RegisterMethod]. It is
// a struct; fields with a tag are its settings (see [Setting]).
type Method interface {
	// Name is the method's name on the command line.
	Name() string
	// Choices says in words what the method's own settings are.
	Choices() []string

	// Layout lists the matrices of the method for k classes and features d wide.
	Layout(k, d int) []Slot
	// Start gives them the values that training starts from.
	Start(t *Training) (State, error)
	// Logits builds the logits [B, K] of a batch.
	Logits(b *Batch) *gorgonia.Node
}

// Regularised is a method that adds a term of its matrices to the loss.
type Regularised interface {
	Method
	// Regulariser builds the term, one number.
	Regulariser(b *Batch) *gorgonia.Node
}

// Slot is a matrix of a method. Its name is that of its tensor in files.
type Slot struct {
	Name       string
	Rows, Cols int  // Rows is AnyRows where only the training set decides
	Trained    bool // by gradients; or fixed by Start
	Classes    Axis // which of its axes goes by the classes
	Labelled   bool // every row has a class of its own, in State.Labels: a cache
}

// AnyRows stands for a number of rows that only the training set decides.
const AnyRows = -1

// Axis is an axis of a matrix.
type Axis uint8

// The axes; one of a slot may have an entry for every class, and follows when
// an adapter is restricted to some classes.
const (
	NoAxis Axis = iota
	ByRow
	ByColumn
)

// State is what a method knows besides the text prototypes, by the names of its
// slots.
type State struct {
	Trained map[string]Matrix
	Fixed   map[string]Matrix
	Labels  []int // of the rows of a labelled slot, in 0 to K-1
}

// NewState returns an empty state.
func NewState() State { return State{Trained: map[string]Matrix{}, Fixed: map[string]Matrix{}} }

var methods = train.NewRegistry[Method]("method",
	ZeroShot{}, ZSLP{}, CLIPAdapter{}, TipAdapter{}, TipAdapterF{}, TaskRes{}, CLAP{})

// Methods lists the methods of features, from the plainest, then those that
// were registered.
func Methods() []Method { return methods.All() }

// ParseMethod returns the method of a name with its default settings.
func ParseMethod(name string) (Method, error) { return methods.Find(name) }

// RegisterMethod makes a method known by its name to [ParseMethod], and so to
// whatever reads saved adapters and runs. A name that is taken is an error.
func RegisterMethod(m Method) error { return methods.Add(m) }

// perEpoch methods change their constants between epochs.
type perEpoch interface {
	changing() []string // names of the constants
	endEpoch(s *State)
}

// trains reports whether a method trains anything.
func trains(m Method) bool {
	for _, s := range m.Layout(1, 1) {
		if s.Trained {
			return true
		}
	}
	return false
}

// labelled reports whether a method classifies by a cache of training features.
func labelled(m Method) bool {
	for _, s := range m.Layout(1, 1) {
		if s.Labelled {
			return true
		}
	}
	return false
}

// The names of states' matrices, which are those of their tensors in files.
const (
	namePrototypes = "text_features"
	nameResidual   = "residual"
	nameClassifier = "classifier"
	nameW1         = "w1"
	nameW2         = "w2"
	nameKeys       = "cache_keys"
	nameConstraint = "constraint"
	nameMomentum   = "constraint_momentum"
)
