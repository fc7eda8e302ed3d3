// Package ftfy repairs broken text: mojibake (UTF-8 read in a one-byte
// encoding), HTML entities, terminal escapes, ligatures, full-width letters,
// curly quotes, foreign line breaks, surrogates and control characters.
//
// It gives what fix_text of the Python library ftfy 6.3 by Robyn Speer gives in
// its default configuration, since OpenAI's CLIP cleans its texts with it. The
// heuristic that tells mojibake from text, and the order of repairs, are that
// library's; NOTICE has its licence.
//
// Text is handled as code points, as Python does: a surrogate is a character
// like any other until the repair of surrogates comes to it.
package ftfy

import (
	"slices"
	"unicode/utf8"
)

const (
	// maxSegment is the longest stretch of text, in code points, repaired at
	// once.
	maxSegment = 1_000_000
	// maxPasses bounds the rounds of repair of one segment. ftfy itself has no
	// bound, and takes as many rounds as an entity is escaped over and over:
	// a quarter of the length of a hostile text.
	maxPasses = 256
)

// FixText returns s with everything repaired that ftfy repairs, in normal form
// C. Every line is judged on its own. Bytes that are not UTF-8 become U+FFFD
// first, except that encoded surrogates are understood.
func FixText(s string) string {
	if isClean(s) {
		return s
	}
	text := decodeWTF8(s)
	out := make([]rune, 0, len(text))
	html := false // a "<" says this is HTML, from its line on, whose entities stay
	for len(text) > 0 {
		n := slices.Index(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		n = min(n, maxSegment)
		html = html || slices.Contains(text[:n], '<')
		out = append(out, fixSegment(text[:n], !html)...)
		text = text[n:]
	}
	return string(out)
}

// isClean reports whether s is ASCII text in which there is nothing to repair.
func isClean(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\t' || c == '\n' || c == '\f':
		case c < ' ' || c >= 0x7f || c == '&':
			return false
		}
	}
	return true
}

// fixSegment applies every repair to one line until nothing changes.
func fixSegment(text []rune, unescape bool) []rune {
	for range maxPasses {
		before := text
		if unescape {
			text = unescapeStrict(text)
		}
		text = fixEncoding(text)
		text = fixC1Controls(text)
		text = replaceRunes(text, ligatures)
		text = replaceRunes(text, standardWidths())
		text = uncurlQuotes(text)
		text = fixLineBreaks(text)
		text = fixSurrogates(text)
		text = removeTerminalEscapes(text)
		text = slices.DeleteFunc(slices.Clone(text), isControl)
		text = normalize(text)
		if slices.Equal(text, before) {
			break
		}
	}
	return text
}

// decodeWTF8 decodes UTF-8 in which surrogates may appear, as Python's
// errors="surrogatepass" does; any other invalid byte gives U+FFFD.
func decodeWTF8(s string) []rune {
	out := make([]rune, 0, len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if size == 1 && i+2 < len(s) && s[i] == 0xed && s[i+1]&0xe0 == 0xa0 && s[i+2]&0xc0 == 0x80 {
			r, size = 0xd000|rune(s[i+1]&0x3f)<<6|rune(s[i+2]&0x3f), 3
		}
		out = append(out, r)
		i += size
	}
	return out
}

// isASCII reports whether text holds ASCII characters only.
func isASCII(text []rune) bool {
	return !slices.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}
