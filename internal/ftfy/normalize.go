package ftfy

import (
	"slices"

	"golang.org/x/text/unicode/norm"
)

// safeMarks is a number of combining characters in a row that norm.NFC can be
// trusted with. Past 30, decomposed, it inserts U+034F (the stream-safe format
// of Unicode Standard Annex 15), which normal form C proper does not; a
// character decomposes to at most three of them.
const safeMarks = 8

// normalize returns text in normal form C. It must hold no surrogates.
func normalize(text []rune) []rune {
	marks := 0
	for _, r := range text {
		if combiningClass(r) == 0 {
			marks = 0
		} else if marks++; marks > safeMarks {
			return compose(decompose(text))
		}
	}
	return []rune(norm.NFC.String(string(text)))
}

// combiningClass returns the canonical combining class of r, 0 for a starter.
func combiningClass(r rune) uint8 {
	if r < 0x300 { // the first combining character
		return 0
	}
	return norm.NFD.PropertiesString(string(r)).CCC()
}

// decompose returns the canonical decomposition of text, combining characters
// in canonical order.
func decompose(text []rune) []rune {
	var out []rune
	for _, r := range text {
		out = append(out, []rune(norm.NFD.String(string(r)))...)
	}
	for i := 0; i < len(out); {
		j := i + 1
		for j < len(out) && combiningClass(out[j]) != 0 {
			j++
		}
		if combiningClass(out[i]) != 0 {
			i-- // the text begins with combining characters
		}
		slices.SortStableFunc(out[i+1:j], func(a, b rune) int {
			return int(combiningClass(a)) - int(combiningClass(b))
		})
		i = j
	}
	return out
}

// compose joins characters of a decomposed text with the starter before them,
// where a composed character exists and nothing in between blocks it.
func compose(text []rune) []rune {
	out := make([]rune, 0, len(text))
	starter := -1 // index in out
	last := uint8(0)
	for _, r := range text {
		class := combiningClass(r)
		adjacent := starter >= 0 && starter == len(out)-1
		if starter >= 0 && (adjacent || last != 0 && last < class) {
			if c, ok := composePair(out[starter], r); ok {
				out[starter] = c
				continue
			}
		}
		if class == 0 {
			starter = len(out)
		}
		last = class
		out = append(out, r)
	}
	return out
}

// composePair returns the character that a and b compose to.
func composePair(a, b rune) (rune, bool) {
	if a < 0x80 && b < 0x80 {
		return 0, false
	}
	pair := []rune(norm.NFC.String(string([]rune{a, b})))
	return pair[0], len(pair) == 1
}
