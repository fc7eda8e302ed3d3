package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
	"clipcalib/weights"
)

// tolerance is how far, in points, an accuracy may lie from the published one: half
// precision, other decoders and the rounding of print account for it.
const tolerance = 0.3

// publishedBeside is a published accuracy beside the one that was measured.
type publishedBeside struct {
	Accuracy   float64  `json:"accuracy"`   // published, as a fraction
	Difference float64  `json:"difference"` // ours less that
	Comparable bool     `json:"comparable"` // the same pictures, classes and prompt
	Model      string   `json:"model"`
	Template   string   `json:"template"`
	Source     string   `json:"source"`
	Reasons    []string `json:"reasons,omitempty"` // why they may differ, those that are known to hold first

	percent  float64
	decimals int
}

// zeroShotOf is what a zero-shot accuracy was measured with.
type zeroShotOf struct {
	sha256, path string // of the checkpoint
	config       weights.Config
	precision    string
	set          *data.Set
	templates    []string
	unreadable   int
	accuracy     float64
}

// beside finds the published accuracy for what was measured; nil where none is
// known.
func (z zeroShotOf) beside() *publishedBeside {
	known, err := catalog.Find(z.set.Name)
	if err != nil {
		return nil
	}
	model, _ := weights.Released(z.sha256, z.path, z.config)
	p, ok := catalog.PublishedFor(z.sha256, model, known.ID)
	if !ok {
		return nil
	}
	b := &publishedBeside{Accuracy: p.Percent / 100, Difference: z.accuracy - p.Percent/100, Model: p.Model,
		Template: p.Template, Source: p.Source, percent: p.Percent, decimals: p.Decimals}
	sameSet := z.sameSet(known, p.Part, b)
	samePrompt := slices.Equal(z.templates, []string{p.Template})
	if !samePrompt {
		b.Reasons = append(b.Reasons, fmt.Sprintf("template: it was measured with %q", p.Template))
	}
	b.Comparable = sameSet && samePrompt
	if math.Abs(b.Difference)*100 <= tolerance {
		return b
	}
	z.reasons(known, b)
	return b
}

// sameSet reports whether the pictures and classes are as many as the published
// ones, and says if not.
func (z zeroShotOf) sameSet(known *catalog.Set, part string, b *publishedBeside) bool {
	if n := known.Counts[part]; len(z.set.Items) != n || len(z.set.Classes) != known.Classes {
		b.Reasons = append(b.Reasons, fmt.Sprintf("data: %d pictures of %d classes here, the published %s part has %d of %d",
			len(z.set.Items), len(z.set.Classes), part, n, known.Classes))
		return false
	}
	return true
}

// reasons lists what is known to differ here, or else what usually does.
func (z zeroShotOf) reasons(known *catalog.Set, b *publishedBeside) {
	if z.config.Activation != weights.QuickGELU {
		b.Reasons = append(b.Reasons, fmt.Sprintf("activation: OpenAI's weights are for quickgelu, and %s is used",
			z.config.Activation))
	}
	if other, moved := z.names(known); len(other) > 0 {
		b.Reasons = append(b.Reasons, fmt.Sprintf("class names: %d are not CoOp's, such as %s", len(other), other[0]))
	} else if moved > 0 {
		b.Reasons = append(b.Reasons, fmt.Sprintf("label order: %d classes have other labels than CoOp's; if folders are "+
			"numbers they must go by value", moved))
	}
	if z.config.Preprocess != (weights.Preprocess{}) {
		b.Reasons = append(b.Reasons, "resize: pictures are prepared otherwise than OpenAI's code does ("+
			z.config.Preprocess.String()+")")
	}
	if z.unreadable > 0 {
		b.Reasons = append(b.Reasons, fmt.Sprintf("data: %d pictures could not be read", z.unreadable))
	}
	if z.precision != "" && z.precision != "fp32" {
		b.Reasons = append(b.Reasons, "precision: "+z.precision)
	}
	if len(b.Reasons) == 0 {
		b.Reasons = []string{"none of the usual ones holds here (activation, class names, label order, template, resize): " +
			"are the pictures and the weights whole? clipcalib data verify --deep, clipcalib inspect"}
	}
}

// names are the class names that are not the set's, and the number of those that
// are another label's.
func (z zeroShotOf) names(known *catalog.Set) (other []string, moved int) {
	at := map[string]bool{}
	plain := func(name string) string { return strings.ReplaceAll(name, "_", " ") }
	for _, c := range known.ClassList() {
		at[plain(c.Name)] = true
	}
	for k, name := range z.set.Classes {
		switch {
		case !at[plain(name)]:
			other = append(other, fmt.Sprintf("%q", name))
		case k >= known.Classes || plain(known.ClassList()[k].Name) != plain(name):
			moved++
		}
	}
	return other, moved
}

// lines is the comparison for people.
func (b *publishedBeside) lines() string {
	line := fmt.Sprintf("published: accuracy %.*f %% (%s, %q; %s)", b.decimals, b.percent, b.Model, b.Template,
		b.Source)
	points := b.Difference * 100
	switch {
	case !b.Comparable:
		line += ", of something else than measured here"
	case math.Abs(points) <= tolerance:
		line += fmt.Sprintf(", here %+.2f points: they agree", points)
	default:
		line += fmt.Sprintf(", here %+.2f points", points)
	}
	for _, r := range b.Reasons {
		line += "\n  " + r
	}
	return line + "\n"
}
