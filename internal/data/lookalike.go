package data

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// latinLooks are letters of other scripts, and dashes, that look as one of ASCII does,
// of Unicode's confusables (UTS 39) those of usual fonts: a text tower reads other
// tokens where people see the same word.
var latinLooks = looks(
	"АВЕЅІЈКМНОРСТУХҮԚԜаеѕіјорсухԁһӏԛԝ", "ABESIJKMHOPCTYXYQWaesijopcyxdhlqw", // Cyrillic
	"ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυϲϳ", "ABEZHIKMNOPTYXaikvopucj", // Greek
	"օսհցոա", "ouhgnw", // Armenian
	"ıɑɡ", "iag", // Latin beyond ASCII
	"‐‑‒–—−", "------")

func looks(pairs ...string) map[rune]rune {
	out := map[rune]rune{}
	for i := 0; i < len(pairs); i += 2 {
		to := []rune(pairs[i+1])
		for j, r := range []rune(pairs[i]) {
			out[r] = to[j]
		}
	}
	return out
}

// looksAs is what a name looks as: [ReadAs] of it, with letters that look like Latin
// ones replaced by them and compatibility forms by their letters.
func looksAs(name string) string {
	return ReadAs(strings.Map(func(r rune) rune {
		if latin, ok := latinLooks[r]; ok {
			return latin
		}
		return r
	}, norm.NFKC.String(name)))
}

// unlike says in which characters two names differ that look the same, "" if they are
// read the same or do not look so.
func unlike(a, b string) string {
	if ReadAs(a) == ReadAs(b) || looksAs(a) != looksAs(b) {
		return ""
	}
	return fmt.Sprintf("%q has %s, %q has %s", a, points(a, b), b, points(b, a))
}

// points lists the characters of a name that another has not, with their code points
// and scripts.
func points(name, other string) string {
	has := []rune(norm.NFC.String(other))
	var out []string
	for _, r := range norm.NFC.String(name) {
		if word := fmt.Sprintf("U+%04X%s", r, inScript(r)); !slices.Contains(has, r) && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	if len(out) == 0 {
		return "none of these"
	}
	return listed(out, 5)
}

func inScript(r rune) string {
	for _, s := range []string{"Latin", "Cyrillic", "Greek", "Armenian"} {
		if unicode.Is(unicode.Scripts[s], r) {
			return " (" + s + ")"
		}
	}
	return ""
}

// LookAlikes says which names of a target look as one of a run does and are others, so
// that the text tower reads other tokens for what people see as one name.
func LookAlikes(run, target []Class) (lines []string) {
	looks, reads := map[string]string{}, map[string]bool{}
	for _, c := range run {
		looks[looksAs(c.Name)] = c.Name
		reads[ReadAs(c.Name)] = true
	}
	for _, c := range target {
		known, ok := looks[looksAs(c.Name)]
		if !ok || reads[ReadAs(c.Name)] {
			continue
		}
		if how := unlike(c.Name, known); how != "" {
			lines = append(lines, fmt.Sprintf("class %q looks like the run's %q and is another name, of which the text "+
				"tower reads other tokens: %s", c.Name, known, how))
		}
	}
	return lines
}

// mixedScript is a word of a name with a letter that looks like a Latin one among
// Latin ones, and the letter; "" for none.
func mixedScript(name string) (word string, letter rune) {
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		latin, other := false, rune(0)
		for _, r := range word {
			switch _, like := latinLooks[r]; {
			case unicode.Is(unicode.Latin, r):
				latin = true
			case like && other == 0:
				other = r
			}
		}
		if latin && other != 0 {
			return word, other
		}
	}
	return "", 0
}
