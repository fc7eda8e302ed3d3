package ftfy

import (
	"strings"
	"sync"
	"unicode"
)

// class is a set of categories of characters.
type class uint32

const (
	common class = 1 << iota // frequent, and no sign of mojibake by themselves
	c1                       // the C1 controls
	bad                      // hardly used outside mojibake
	law
	currency
	startPunct
	endPunct
	numeric
	kaomoji // letters that make faces, and so stand in odd places
	upperAccented
	lowerAccented
	upperCommon
	lowerCommon
	box

	// The remaining ones are not specific to mojibake.
	asciiUpper
	asciiLower
	wordChar // letter, number or underscore
	white    // white space
	lineEnd  // "\n"

	asciiLetter = asciiUpper | asciiLower
	accented    = lowerAccented | upperAccented
)

// categories lists the characters of each category that occur in mojibake;
// "a-z" stands for a range.
var categories = map[class]string{
	common:        "\u00a0\u00ad\u00b7\u00b4\u2013\u2014\u2015\u2026\u2019",
	c1:            "\u0080-\u009f",
	bad:           "¦¤\u00a8¬\u00af\u00b8ƒ\u02c6\u02c7\u02d8\u02db\u02dc†‡‰⌐◊\ufffdªº",
	law:           "¶§",
	currency:      "¢£¥₧€",
	startPunct:    "¡«¿©\u0384\u0385‘‚“„•‹\uf8ff",
	endPunct:      "®»\u02dd”›™",
	numeric:       "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№",
	kaomoji:       "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°",
	upperAccented: "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ",
	lowerAccented: "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ",
	upperCommon:   "ÞΑ-ΫΆΈΉΊΌΎΏЁ-Я",
	lowerCommon:   "α-ωάέήίΰа-џ",
	box:           "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓",
}

var mojibakeClasses = sync.OnceValue(func() map[rune]class {
	m := map[rune]class{}
	for c, spec := range categories {
		for _, r := range expandRanges(spec) {
			m[r] |= c
		}
	}
	return m
})

// expandRanges writes out the ranges in a list of characters.
func expandRanges(spec string) []rune {
	var out []rune
	list := []rune(spec)
	for i := 0; i < len(list); i++ {
		if i+2 < len(list) && list[i+1] == '-' {
			for r := list[i]; r < list[i+2]; r++ {
				out = append(out, r)
			}
			i++
			continue
		}
		out = append(out, list[i])
	}
	return out
}

func classOf(r rune) class {
	c := mojibakeClasses()[r]
	switch {
	case 'a' <= r && r <= 'z':
		c |= asciiLower
	case 'A' <= r && r <= 'Z':
		c |= asciiUpper
	case r == '\n':
		c |= lineEnd
	}
	if r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) {
		c |= wordChar
	}
	if unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f { // the latter count as space in Python
		c |= white
	}
	return c
}

// atom matches one character of a rule: one of some classes or of some
// characters, or, negated, anything else.
type atom struct {
	classes class
	chars   string
	negated bool
}

func in(classes class, chars ...string) atom {
	return atom{classes: classes, chars: strings.Join(chars, "")}
}
func one(chars string) atom    { return atom{chars: chars} }
func notIn(classes class) atom { return atom{classes: classes, negated: true} }
func (a atom) match(r rune, c class) bool {
	hit := c&a.classes != 0 || a.chars != "" && strings.ContainsRune(a.chars, r)
	return hit != a.negated
}

// rule is a sequence of characters that is hardly ever meant; atStart confines
// it to the start of the text.
type rule struct {
	atoms   []atom
	atStart bool
}

func seq(atoms ...atom) rule { return rule{atoms: atoms} }

// isBad reports whether text looks like mojibake: whether any rule matches
// anywhere in it.
func isBad(text []rune) bool {
	classes := make([]class, len(text))
	for i, r := range text {
		classes[i] = classOf(r)
	}
	for i := range text {
		for _, r := range badRules {
			if (i == 0 || !r.atStart) && r.match(text[i:], classes[i:]) {
				return true
			}
		}
	}
	return false
}

func (r rule) match(text []rune, classes []class) bool {
	if len(text) < len(r.atoms) {
		return false
	}
	for i, a := range r.atoms {
		if !a.match(text[i], classes[i]) {
			return false
		}
	}
	return true
}
