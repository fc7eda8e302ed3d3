package adapt

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/named"
)

// Method is a way to adapt: what is trained and how logits come out of it.
type Method interface {
	// Name is the method's name on the command line.
	Name() string
	// Choices says in words what the method's own settings are.
	Choices() []string

	// prepare makes the state that training starts from.
	prepare(t *task) (*state, error)
	// layout lists the matrices of a state for k classes and features d wide.
	layout(k, d int) []slot
	// logits builds the logits [B, K] of the builder's batch.
	logits(b *builder) *graph.Node
}

// regularised methods add a term of their parameters to the loss.
type regularised interface {
	regulariser(b *builder) *graph.Node
}

// perEpoch methods change their constants between epochs.
type perEpoch interface {
	changing() []string // names of the constants
	endEpoch(s *state)
}

// cached methods classify by a cache of training features.
type cached interface{ cache() }

// Methods lists the methods of features, from the plainest.
func Methods() []Method {
	return []Method{ZeroShot{}, ZSLP{}, CLIPAdapter{}, TipAdapter{}, TipAdapterF{}, TaskRes{}, CLAP{}}
}

// ParseMethod returns the method of a name with its default settings.
func ParseMethod(name string) (Method, error) {
	return named.Find("method", name, Methods())
}

// state is what a method knows besides the text prototypes: values that train
// and values that do not, by name.
type state struct {
	params map[string]Matrix
	fixed  map[string]Matrix
	labels []int // of the rows of the cache
}

// slot is a matrix of a method's state.
type slot struct {
	name       string
	rows, cols int
	trained    bool
}

// anyRows stands for a number of rows that only the training set decides.
const anyRows = -1

func newState() *state {
	return &state{params: map[string]Matrix{}, fixed: map[string]Matrix{}}
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
