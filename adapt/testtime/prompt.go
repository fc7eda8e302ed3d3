package testtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"clipcalib/text"
	"clipcalib/weights"
)

// prompts holds the classes' prompts, "CONTEXT NAME.", with the context's
// tokens replaced by those of learned vectors.
type prompts struct {
	context []int32 // token ids of the context
	trie    *text.Trie
}

// newPrompts builds the prompts of the classes for a text tower.
func newPrompts(context string, classes []string, c weights.TextConfig) (prompts, error) {
	if err := c.CheckWords(); err != nil {
		return prompts{}, err
	}
	tok := text.NewTokenizer()
	context = strings.ReplaceAll(context, "_", " ")
	p := prompts{context: tok.Encode(context)}
	if len(p.context) == 0 {
		return p, fmt.Errorf("context %q gives no tokens: there would be nothing to tune", context)
	}
	if len(classes) == 0 {
		return p, errors.New("no classes given")
	}
	all := make([][]int32, len(classes))
	for i, name := range classes {
		var err error
		if all[i], err = p.class(tok, context, name, c); err != nil {
			return p, fmt.Errorf("class %d of %d: %w", i, len(classes), err)
		}
	}
	var err error
	p.trie, err = text.NewTrie(all)
	return p, err
}

// class returns the prompt of one class. The text is tokenised as a whole,
// since a name may run into the full stop behind it.
func (p prompts) class(tok *text.Tokenizer, context, name string, c weights.TextConfig) ([]int32, error) {
	if _, err := tok.EncodeClass(name); err != nil {
		return nil, err
	}
	ids := tok.Encode(context + " " + name + ".")
	m := len(p.context)
	if len(ids) < m || !slices.Equal(ids[:m], p.context) {
		return nil, fmt.Errorf("name %q changes the tokens of the context %q before it: rename the class", name, context)
	}
	for _, id := range ids {
		if int(id) >= c.Vocab {
			return nil, fmt.Errorf("token %d of %q is beyond the text tower's vocabulary of %d", id, name, c.Vocab)
		}
	}
	if n := len(ids) + 2; n > c.Context {
		return nil, fmt.Errorf("the context's %d tokens, %d of the name %q with its full stop, start and end make %d "+
			"tokens, the text tower takes %d: shorten the context or the name",
			m, len(ids)-m, name, n, c.Context)
	}
	out := []int32{text.SOT}
	for i := range m {
		out = append(out, text.ContextToken(i))
	}
	return append(append(out, ids[m:]...), text.EOT), nil
}
