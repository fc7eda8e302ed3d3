package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lower is Python's str.lower: the full mapping of Unicode's SpecialCasing,
// in which U+0130 becomes two characters and a capital sigma at the end of a
// word the final form.
func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		switch r {
		case '\u0130': // capital I with dot above
			b.WriteString("i\u0307")
		case '\u03a3': // capital sigma
			if endsWord(s, i, i+utf8.RuneLen(r)) {
				b.WriteRune('\u03c2')
			} else {
				b.WriteRune('\u03c3')
			}
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// endsWord is the condition Final_Sigma of the Unicode Standard, section 3.13:
// before start comes a cased letter, after end none, case-ignorable
// characters set aside.
func endsWord(s string, start, end int) bool {
	before := strings.TrimRightFunc(s[:start], isCaseIgnorable)
	last, _ := utf8.DecodeLastRuneInString(before)
	if before == "" || !isCased(last) {
		return false
	}
	after := strings.TrimLeftFunc(s[end:], isCaseIgnorable)
	first, _ := utf8.DecodeRuneInString(after)
	return after == "" || !isCased(first)
}

func isCased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt,
		unicode.Other_Uppercase, unicode.Other_Lowercase)
}

// isCaseIgnorable is the derived property Case_Ignorable: marks, format
// characters, modifiers, and the punctuation that may stand within a word.
func isCaseIgnorable(r rune) bool {
	switch r {
	case '\'', '.', ':', '\u00b7', '\u0387', '\u055f', '\u05f4', '\u2018', '\u2019', '\u2024',
		'\u2027', '\ufe13', '\ufe52', '\ufe55', '\uff07', '\uff0e', '\uff1a':
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
