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
	context  []int32 // token ids of the context
	trie     *text.Trie
	truncate bool     // prompts that are too long, in place of refusing them
	cut      []string // those that were
}

// newPrompts builds the prompts of the classes for a text tower.
func newPrompts(context string, classes []string, c weights.TextConfig, truncate bool) (prompts, error) {
	if err := c.CheckWords(); err != nil {
		return prompts{}, err
	}
	tok := text.NewTokenizer()
	context = strings.ReplaceAll(context, "_", " ")
	p := prompts{context: tok.Encode(context), truncate: truncate}
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
func (p *prompts) class(tok *text.Tokenizer, context, name string, c weights.TextConfig) ([]int32, error) {
	if _, err := tok.EncodeClass(name); err != nil {
		return nil, err
	}
	ids := tok.Encode(context + " " + name + ".")
	m := len(p.context)
	if len(ids) < m || !slices.Equal(ids[:m], p.context) {
		return nil, fmt.Errorf("name %q changes the tokens of the context %q before it: rename the class", name,
			context)
	}
	for _, id := range ids {
		if int(id) >= c.Vocab {
			return nil, fmt.Errorf("token %d of %q is beyond the text tower's vocabulary of %d", id, name, c.Vocab)
		}
	}
	switch n, room := len(ids)+2, c.Context-2; {
	case n <= c.Context:
	case m >= room:
		return nil, fmt.Errorf("the context %.60q alone has %d tokens, and with start and end the text tower takes %d: "+
			"shorten it", context, m, c.Context)
	case p.truncate: // as CLIP cuts texts: the end stays
		p.cut = append(p.cut, context+" "+name+".")
		ids = ids[:room]
	default:
		return nil, fmt.Errorf("the context's %d tokens, %d of the name %q with its full stop, start and end make %d "+
			"tokens, the text tower takes %d: shorten the context or the name, or have it cut (--truncate; in Go, "+
			"Options.Truncate)", m, len(ids)-m, name, n, c.Context)
	}
	out := []int32{text.SOT}
	for i := range m {
		out = append(out, text.ContextToken(i))
	}
	return append(append(out, ids[m:]...), text.EOT), nil
}
