package prompt

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/named"
	"clipcalib/weights"
)

// Method is a way to learn prompts: what is trained, and how logits come out
// of it.
type Method interface {
	// Name is the method's name on the command line.
	Name() string
	// Choices says in words what the method's own settings are.
	Choices() []string

	// recipe is how the method's authors train it.
	recipe() recipe
	// contexts describes the learned vectors among the words of a prompt.
	contexts() contexts
	// layout lists what trains, for m context vectors and k classes, or says
	// why the model cannot take it.
	layout(c weights.Config, m, k int) ([]slot, error)
	// logits builds the logits [B, K] of the builder's batch.
	logits(b *builder) *graph.Node
}

// recipe holds the defaults of training.
type recipe struct {
	lr            float64
	epochs, batch int
}

// slot is a tensor that trains, by its name in the PyTorch releases.
type slot struct {
	name  string
	shape []int
	from  start
	like  string // another slot, earlier in the list, whose initial value this one copies
}

// start says how a slot gets its initial value.
type start uint8

const (
	fromPhrase start = iota // the phrase's token embeddings, or as fromNoise without one
	fromNoise               // normal, standard deviation 0.02
	fromFanIn               // uniform within 1/sqrt(fan) of 0, as PyTorch's Linear
)

// pixels marks methods that also put prompts into the image tower, and so need
// images and not features.
type pixels interface{ prompted() }

// conditional methods have text features that differ from image to image.
type conditional interface{ perImage() }

// regularised methods add a term to the loss.
type regularised interface {
	regulariser(b *builder, logits *graph.Node) *graph.Node
}

// gradientShaping methods update along something else than the loss's gradient.
type gradientShaping interface {
	gradients(b *builder, loss, logits *graph.Node, wrt []*graph.Node) []*graph.Node
}

// averaged methods keep a weighted average over the epochs' parameters.
type averaged interface {
	epochWeights(epochs int) []float64
}

// distilled methods learn from a text teacher of many templates.
type distilled interface{ templates() []string }

// Methods lists the methods, in the order they were published.
func Methods() []Method {
	return []Method{CoOp{}, CoCoOp{}, ProGrad{}, MaPLe{}, KgCoOp{}, PromptSRC{}}
}

// ParseMethod returns the method of a name with its default settings.
func ParseMethod(name string) (Method, error) {
	return named.Find("method", name, Methods())
}

// NeedsImages reports whether a method needs images themselves, rather than
// the features of the frozen image tower.
func NeedsImages(m Method) bool {
	_, ok := m.(pixels)
	return ok
}

const (
	learner = "prompt_learner."
	nameCtx = learner + "ctx"

	// phrase is what prompts start from where a method starts from words.
	phrase = "a photo of a"
)
