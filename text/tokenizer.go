package text

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// VocabSize is the number of token ids of CLIP's vocabulary.
	VocabSize = 2*byteSymbols + numMerges + 2
	// SOT is the start-of-text token, the first of every prompt.
	SOT = VocabSize - 2
	// EOT is the end-of-text token, at which the text feature is read.
	EOT = VocabSize - 1
	// ContextLength is the longest prompt, SOT and EOT included, that CLIP's
	// text tower takes.
	ContextLength = 77

	startText = "<|startoftext|>"
	endText   = "<|endoftext|>"
)

// Tokenizer turns text into the token ids of OpenAI's CLIP. It holds no state
// of its own and is safe for concurrent use.
type Tokenizer struct {
	v *vocabulary
}

// NewTokenizer returns CLIP's tokenizer. The first call reads the embedded
// vocabulary, which takes some milliseconds; later calls share it.
func NewTokenizer() *Tokenizer { return &Tokenizer{v: vocab()} }

// Encode returns the token ids of s without SOT and EOT, however many there
// are. Text that holds nothing but white space and removed characters gives
// none. The special tokens are recognised inside s, as in OpenAI's tokenizer.
func (t *Tokenizer) Encode(s string) []int32 {
	s = clean(s)
	ids := make([]int32, 0, len(s)/3+3)
	for {
		var piece string
		piece, s = nextPiece(s)
		switch piece {
		case "":
			return ids
		case startText:
			ids = append(ids, SOT)
		case endText:
			ids = append(ids, EOT)
		default:
			ids = t.v.appendPiece(ids, piece)
		}
	}
}

// EncodeClass is Encode for a class name: a name that comes to no token at
// all is an error, since every such class would have the same prompt.
func (t *Tokenizer) EncodeClass(name string) ([]int32, error) {
	ids := t.Encode(name)
	if len(ids) == 0 {
		return nil, fmt.Errorf("class name %q gives no tokens: rename the class", name)
	}
	return ids, nil
}

// Tokens returns the prompt SOT, ids of s, EOT. Text of more than
// ContextLength tokens is an error; TokensTruncated cuts it instead.
func (t *Tokenizer) Tokens(s string) ([]int32, error) {
	ids := t.prompt(s)
	if len(ids) > ContextLength {
		return nil, fmt.Errorf("text %q is %d tokens long, more than the %d that CLIP takes: "+
			"shorten it, or have it cut (--truncate; in Go, TokensTruncated)", excerpt(s), len(ids), ContextLength)
	}
	return ids, nil
}

// TokensTruncated returns the prompt SOT, ids of s, EOT, cut to ContextLength
// tokens of which the last is EOT.
func (t *Tokenizer) TokensTruncated(s string) []int32 {
	ids := t.prompt(s)
	if len(ids) > ContextLength {
		ids = ids[:ContextLength]
		ids[ContextLength-1] = EOT
	}
	return ids
}

func (t *Tokenizer) prompt(s string) []int32 {
	ids := append([]int32{SOT}, t.Encode(s)...)
	return append(ids, EOT)
}

// Pad77 returns ids followed by zeros up to ContextLength, the form the
// reference implementations feed to the text tower. Longer input is cut as
// TokensTruncated cuts it.
func Pad77(ids []int32) [ContextLength]int32 {
	var out [ContextLength]int32
	if copy(out[:], ids) < len(ids) {
		out[ContextLength-1] = EOT
	}
	return out
}

// Decode returns the text of ids in lower case, a space after every word. It
// is the inverse of Encode up to case and spacing. Ids outside the vocabulary
// and bytes that are not UTF-8 give U+FFFD.
func (t *Tokenizer) Decode(ids []int32) string {
	var b []byte
	for _, id := range ids {
		if id < 0 || id >= VocabSize {
			b = utf8.AppendRune(b, utf8.RuneError)
			continue
		}
		b = append(b, t.v.symbol[id]...)
	}
	b = bytes.ReplaceAll(b, []byte(endOfWord), []byte(" "))
	return replaceInvalid(b)
}

// excerpt shortens s for an error message.
func excerpt(s string) string {
	const limit = 60
	n := 0
	for i := range s {
		if n++; n > limit {
			return strings.ToValidUTF8(s[:i], "\ufffd") + "..."
		}
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
