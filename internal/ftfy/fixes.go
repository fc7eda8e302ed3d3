package ftfy

import (
	"slices"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// ligatures maps Latin ligatures and digraphs to their letters.
var ligatures = map[rune]string{
	'Ĳ': "IJ", 'ĳ': "ij", 'ŉ': "ʼn",
	'Ǳ': "DZ", 'ǲ': "Dz", 'ǳ': "dz", 'Ǆ': "DŽ", 'ǅ': "Dž", 'ǆ': "dž",
	'Ǉ': "LJ", 'ǈ': "Lj", 'ǉ': "lj", 'Ǌ': "NJ", 'ǋ': "Nj", 'ǌ': "nj",
	'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "ſt", 'ﬆ': "st",
}

// standardWidths maps full-width and half-width forms, and the ideographic
// space, to the standard character.
var standardWidths = sync.OnceValue(func() map[rune]string {
	m := map[rune]string{'\u3000': " "}
	for r := rune(0xff01); r < 0xfff0; r++ {
		if s := norm.NFKC.String(string(r)); s != string(r) {
			m[r] = s
		}
	}
	return m
})

// replaceRunes replaces every character that is a key of m.
func replaceRunes(text []rune, m map[rune]string) []rune {
	if !slices.ContainsFunc(text, func(r rune) bool { _, ok := m[r]; return ok }) {
		return text
	}
	out := make([]rune, 0, len(text))
	for _, r := range text {
		if s, ok := m[r]; ok {
			out = append(out, []rune(s)...)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// uncurlQuotes replaces curly quotation marks by straight ones.
func uncurlQuotes(text []rune) []rune {
	out := slices.Clone(text)
	for i, r := range out {
		switch {
		case r == '\u02bc' || r >= '\u2018' && r <= '\u201b':
			out[i] = '\''
		case r >= '\u201c' && r <= '\u201f':
			out[i] = '"'
		}
	}
	return out
}

// fixLineBreaks turns every kind of line break into "\n".
func fixLineBreaks(text []rune) []rune {
	out := make([]rune, 0, len(text))
	for i, r := range text {
		switch r {
		case '\r', '\u2028', '\u2029', '\u0085':
			if r == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				continue
			}
			r = '\n'
		}
		out = append(out, r)
	}
	return out
}

// fixSurrogates joins pairs of UTF-16 surrogates and replaces single ones by
// U+FFFD.
func fixSurrogates(text []rune) []rune {
	if !slices.ContainsFunc(text, isSurrogate) {
		return text
	}
	out := make([]rune, 0, len(text))
	for i := 0; i < len(text); i++ {
		r := text[i]
		if isSurrogate(r) {
			if i+1 < len(text) && r < 0xdc00 && text[i+1] >= 0xdc00 && text[i+1] <= 0xdfff {
				r = 0x10000 + (r-0xd800)<<10 + text[i+1] - 0xdc00
				i++
			} else {
				r = unicode.ReplacementChar
			}
		}
		out = append(out, r)
	}
	return out
}

// removeTerminalEscapes removes ANSI sequences such as those for colour: the
// escape character, "[", digits and semicolons, a letter.
func removeTerminalEscapes(text []rune) []rune {
	const escape = '\x1b'
	if !slices.Contains(text, escape) {
		return text
	}
	out := make([]rune, 0, len(text))
	for i := 0; i < len(text); {
		if n := terminalEscapeLen(text[i:]); n > 0 {
			i += n
			continue
		}
		out = append(out, text[i])
		i++
	}
	return out
}

func terminalEscapeLen(text []rune) int {
	if len(text) < 3 || text[0] != '\x1b' || text[1] != '[' {
		return 0
	}
	i := 2
	for i < len(text) && (text[i] == ';' || unicode.Is(unicode.Nd, text[i])) {
		i++
	}
	if i == len(text) || !isASCIILetter(text[i]) {
		return 0
	}
	return i + 1
}

func isSurrogate(r rune) bool { return r >= 0xd800 && r <= 0xdfff }

func isASCIILetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// isControl reports whether r is a control character without effect on text:
// ASCII controls other than white space, deprecated Arabic controls,
// annotation marks, the object replacement character and the byte order mark.
func isControl(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\f' || r == '\r':
		return false
	case r < ' ', r == 0x7f, r >= 0x206a && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffc:
		return true
	}
	return false
}
