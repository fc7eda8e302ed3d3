package text

import (
	"strings"
	"unicode/utf8"
)

// replaceInvalid returns b as text, every maximal part of an ill-formed
// sequence replaced by one U+FFFD: the practice Unicode recommends and
// Python's errors="replace" follows.
func replaceInvalid(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = subpartLen(b)
		}
		out.WriteRune(r)
		b = b[size:]
	}
	return out.String()
}

// subpartLen returns the length of the ill-formed start of b: the longest
// prefix that some continuation would have made a character, at least 1.
func subpartLen(b []byte) int {
	n := 1
	for n < len(b) && !utf8.FullRune(b[:n+1]) { // FullRune: complete or hopeless
		n++
	}
	return n
}
