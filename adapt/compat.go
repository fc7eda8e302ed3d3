package adapt

import (
	"fmt"
	"strings"
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
			Textbook:  "mean of a sample's augmented views",
			CLIPCalib: "one augmented view",
		},
		{
			Topic:     "rows of an epoch",
			Textbook:  "every sample once, in a random view; last incomplete batch dropped",
			CLIPCalib: "samples/batch whole batches from a permutation of all views of all samples; one batch of views when there are fewer samples than a batch",
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
			Topic: "prototype templates", Encoding: true,
			Textbook:  "features normalised, averaged, normalised",
			CLIPCalib: "plain mean of features; 8 templates on ImageNet, 1 elsewhere",
		},
	}
}

// Views is the number of augmented views per sample that a method is trained
// on by default.
func (c Compat) Views(m Method) int {
	_, tip := m.(cached)
	_, free := m.(interface{ trainingFree() })
	switch {
	case free && !tip:
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

// EncodingChoices says in words what c decides where features are made of
// pictures and prompts; [Choices] holds the rest.
func EncodingChoices(m Method, c Compat) []string { return c.choices(m.Name(), true) }

// choices words what c decides for a method.
func (c Compat) choices(method string, encoding bool) []string {
	var out []string
	for _, d := range Differences() {
		if d.Encoding != encoding {
			continue
		}
		if len(d.Methods) > 0 && !strings.Contains(" "+strings.Join(d.Methods, " ")+" ", " "+method+" ") {
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
