package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// contractions are split off as pieces of their own, in this order of
// preference.
var contractions = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// nextPiece cuts the first piece off s, lower-cased text: a special token, a
// contraction, a run of letters, one number character, or a run of anything
// else but white space; what matches nothing is passed over. It returns an
// empty piece at the end. These are the alternatives of the regular
// expression in OpenAI's simple_tokenizer.py.
func nextPiece(s string) (piece, rest string) {
	for s != "" {
		if n := pieceLen(s); n > 0 {
			return s[:n], s[n:]
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return "", ""
}

// pieceLen returns the length in bytes of the piece at the start of s, 0 if
// none starts there.
func pieceLen(s string) int {
	switch s[0] {
	case '<':
		for _, special := range []string{startText, endText} {
			if n := foldPrefix(s, special); n > 0 {
				return n
			}
		}
	case '\'':
		for _, c := range contractions {
			if n := foldPrefix(s, c); n > 0 {
				return n
			}
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case isLetter(r):
		return runLen(s, isLetter)
	case isNumber(r):
		return size
	default:
		return runLen(s, isOther)
	}
}

// runLen returns the length in bytes of the longest prefix of s in class.
func runLen(s string, class func(rune) bool) int {
	for i, r := range s {
		if !class(r) {
			return i
		}
	}
	return len(s)
}

// foldPrefix returns the length in bytes of the prefix of s that equals
// prefix under case folding, 0 if there is none. The text is lower-cased
// already, so the only letter left to fold is the long s.
func foldPrefix(s, prefix string) int {
	const longS = "\u017f"
	n := 0
	for i := range len(prefix) {
		switch {
		case n < len(s) && s[n] == prefix[i]:
			n++
		case prefix[i] == 's' && strings.HasPrefix(s[n:], longS):
			n += len(longS)
		default:
			return 0
		}
	}
	return n
}

// isOther reports whether r is neither white space, letter nor number.
// U+0345 folds to a letter (iota) without being one, and so falls between the
// classes of a case-insensitive expression.
func isOther(r rune) bool {
	return !unicode.IsSpace(r) && !isLetter(r) && !isNumber(r) && r != '\u0345'
}

// isLetter reports whether r has a Unicode category L*.
func isLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.Is(newLetters, r)
}

// isNumber reports whether r has a Unicode category N*.
func isNumber(r rune) bool {
	if r < utf8.RuneSelf {
		return '0' <= r && r <= '9'
	}
	return unicode.IsNumber(r) || unicode.Is(newNumbers, r)
}
