package adapt

import (
	"fmt"
	"slices"
)

// Compat chooses between the form of a method its paper or common practice
// gives and the choices of the reference implementation's released code.
// [Differences] lists what that changes.
type Compat string

const (
	// Textbook is the default.
	Textbook Compat = "textbook"
	// CLIPCalib follows github.com/Bala93/CLIPCalib, whose tables the paper
	// prints.
	CLIPCalib Compat = "clipcalib"
)

func (c Compat) check() error {
	switch c {
	case Textbook, CLIPCalib:
		return nil
	}
	return fmt.Errorf("unknown compat %q; known are %s, %s", string(c), Textbook, CLIPCalib)
}

// Difference is one place where the reference's code departs from the
// textbook form.
type Difference struct {
	Topic     string
	Methods   []string // it concerns; empty for all
	Encoding  bool     // it is decided where features are made, not here
	Textbook  string
	CLIPCalib string
}

// Differences returns everything that [Compat] decides, here and in the
// packages that make the features.
func Differences() []Difference {
	tip := []string{TipAdapter{}.Name(), TipAdapterF{}.Name()}
	return []Difference{
		{
			Topic: "Tip-Adapter affinity", Methods: tip,
			Textbook:  "cosine of query and key",
			CLIPCalib: "query not normalised: norm of the query times the cosine",
		},
		{
			Topic: "Tip-Adapter keys", Methods: tip,
			Textbook:  "mean of a sample's views",
			CLIPCalib: "one view, the first",
		},
		{
			Topic: "training-free Tip-Adapter", Methods: tip[:1],
			Textbook:  "nothing is trained",
			CLIPCalib: "its keys are trained for the first epoch, whose rate is 1e-5",
		},
		{
			Topic:    "rows of an epoch",
			Textbook: "every sample once, in a random view; last incomplete batch dropped",
			CLIPCalib: "samples/batch whole batches from a permutation of all views of all samples; one batch of views when " +
				"there are fewer samples than a batch",
		},
		{
			Topic: "augmented views", Encoding: true,
			Textbook:  "20 (Tip-Adapter: 10)",
			CLIPCalib: "20 (Tip-Adapter: 1)",
		},
		{
			Topic:     "prototypes at a target",
			Textbook:  "the target's own, where the method keeps the prototypes fixed",
			CLIPCalib: "those of the source data set, carried over",
		},
		{
			Topic: "class names in prompts", Encoding: true,
			Textbook:  "spaces for underscores",
			CLIPCalib: "as they are, with underscores",
		},
		{
			Topic: "prototype templates", Encoding: true,
			Textbook:  "features normalised, averaged, normalised",
			CLIPCalib: "plain mean of features; 8 templates on ImageNet, 1 elsewhere",
		},
		{
			Topic: "prototype precision", Encoding: true,
			Textbook:  "float32",
			CLIPCalib: "float32; the released code has float16, which is offered",
		},
	}
}

// Views is the number of augmented views per sample that a method is trained
// on by default.
func (c Compat) Views(m Method) int {
	tip := labelled(m)
	switch {
	case !trains(m) && !tip:
		return 1
	case tip && c == CLIPCalib:
		return 1
	case tip:
		return 10
	}
	return 20
}

// CarriesPrototypes reports whether a target is classified with the source's
// prototypes although it has its own.
func (c Compat) CarriesPrototypes() bool { return c == CLIPCalib }

// KeepsUnderscores reports whether class names keep their underscores in the
// prompts of an adapter's prototypes.
func (c Compat) KeepsUnderscores() bool { return c == CLIPCalib }

// Encoding is how the features that a method is trained on were made.
type Encoding struct {
	Augmented int // augmented views of every picture; 0 means the plain picture
	Templates int // prompts that a class's prototype was averaged over
	// Float16 says that features of prompts and their means were rounded to float16.
	Float16 bool
}

// EncodingChoices says in words how features were made of pictures and prompts,
// and where that is not the default of c; [Choices] holds the rest.
func EncodingChoices(m Method, c Compat, e Encoding) []string {
	average := "features normalised, averaged, normalised"
	if c == CLIPCalib {
		average = "plain mean of features"
	}
	choices := []string{
		"augmented views: " + augmentedViews(c.Views(m), c, e.Augmented),
		fmt.Sprintf("prototype templates: %d, %s (%s)", e.Templates, average, c),
	}
	if e.Float16 {
		choices = append(choices, "prototype precision: float16 (asked for)")
	}
	if c.KeepsUnderscores() {
		choices = append(choices, fmt.Sprintf("class names in prompts: as they are, with underscores (%s)", c))
	}
	return choices
}

func augmentedViews(usual int, c Compat, used int) string {
	switch used {
	case usual:
		return fmt.Sprintf("%d (%s)", used, c)
	case 0:
		return fmt.Sprintf("none, the plain picture (asked for; %s: %d)", c, usual)
	}
	return fmt.Sprintf("%d (asked for; %s: %d)", used, c, usual)
}

// choices words what c decides for a method beside the encoding.
func (c Compat) choices(method string) []string {
	var out []string
	for _, d := range Differences() {
		if d.Encoding || len(d.Methods) > 0 && !slices.Contains(d.Methods, method) {
			continue
		}
		text := d.Textbook
		if c == CLIPCalib {
			text = d.CLIPCalib
		}
		out = append(out, fmt.Sprintf("%s: %s (%s)", d.Topic, text, c))
	}
	return out
}
