package prompt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"clipcalib/text"
	"clipcalib/weights"
)

// contexts describes the learned vectors among the words of a prompt: SOT, the
// vectors, what is left of the phrase, the class name, a full stop, EOT.
type contexts struct {
	count    int    // 0 means the phrase's tokens, 16 without a phrase
	phrase   string // the vectors start from its token embeddings; "" is random
	perClass bool   // every class has vectors of its own
	// keepRest keeps the tokens of the phrase that count leaves over as words;
	// without it too few vectors for the phrase are an error.
	keepRest bool
}

const defaultContexts = 16

func (c contexts) String() string {
	switch {
	case c.phrase == "":
		return fmt.Sprintf("%d random vectors, standard deviation %g", cmp.Or(c.count, defaultContexts), noise)
	case c.count == 0:
		return fmt.Sprintf("vectors that start as %q", c.phrase)
	}
	return fmt.Sprintf("%d vectors that start as %q", c.count, c.phrase)
}

// size returns the number of vectors and the tokens of the phrase.
func (c contexts) size() (int, []int32, error) {
	if c.count < 0 {
		return 0, nil, fmt.Errorf("%d context vectors: use 1 or more", c.count)
	}
	if c.phrase == "" {
		return cmp.Or(c.count, defaultContexts), nil, nil
	}
	words := text.NewTokenizer().Encode(c.phrase)
	n := cmp.Or(c.count, len(words))
	switch {
	case n == 0:
		return 0, nil, fmt.Errorf("the phrase %q has no tokens to start context vectors from", c.phrase)
	case n < len(words) && !c.keepRest:
		return 0, nil, fmt.Errorf("%d context vectors for the %d tokens of %q: use as many or more", n, len(words),
			c.phrase)
	}
	return n, words, nil
}

// layout is the slot of m vectors.
func (c contexts) layout(w weights.Config, m, k int) []slot {
	if c.perClass {
		return []slot{{name: nameCtx, shape: []int{k, m, w.Text.Width}}}
	}
	return []slot{{name: nameCtx, shape: []int{m, w.Text.Width}}}
}

// prompts returns the tokens of every class's prompt. Underscores in names
// stand for spaces.
func (c contexts) prompts(classes []string, m int, w weights.TextConfig) ([][]int32, error) {
	if err := w.CheckWords(); err != nil {
		return nil, err
	}
	tokenizer := text.NewTokenizer()
	var rest []int32
	if c.keepRest {
		if words := tokenizer.Encode(c.phrase); m < len(words) {
			rest = words[m:]
		}
	}
	out := make([][]int32, len(classes))
	for k, class := range classes {
		name := plainName(class)
		if _, err := tokenizer.EncodeClass(name); err != nil {
			return nil, fmt.Errorf("class %d of %d: %w", k, len(classes), err)
		}
		p := []int32{text.SOT}
		for i := range m {
			if c.perClass {
				i += k * m
			}
			p = append(p, text.ContextToken(i))
		}
		p = slices.Concat(p, rest, tokenizer.Encode(name+"."), []int32{text.EOT})
		if len(p) > w.Context {
			words := len(p) - m - 2
			return nil, fmt.Errorf("class %d, %.60q: start, %d context vectors, %d tokens and end are %d, more than the %d "+
				"that the text tower takes: use at most %d context vectors or a shorter name",
				k, class, m, words, len(p), w.Context, max(0, w.Context-words-2))
		}
		for _, id := range p {
			if _, learned := text.ContextIndex(id); !learned && int(id) >= w.Vocab {
				return nil, fmt.Errorf("class %d, %.60q: token %d is beyond the text tower's vocabulary of %d", k,
					class, id, w.Vocab)
			}
		}
		out[k] = p
	}
	return out, nil
}

// plainName is a class name with spaces for underscores.
func plainName(class string) string { return strings.ReplaceAll(class, "_", " ") }

func plainNames(classes []string) []string {
	out := make([]string, len(classes))
	for i, c := range classes {
		out[i] = plainName(c)
	}
	return out
}
