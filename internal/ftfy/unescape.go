package ftfy

import (
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxEntity is the longest name, in characters, looked up as an entity.
const maxEntity = 32

// maxBareEntity is the longest name of an entity that HTML also knows without
// a semicolon.
const maxBareEntity = 6

// UnescapeHTML resolves character references as Python's html.unescape does:
// by the HTML 5 standard, entities without a semicolon and their longest
// prefixes included. It differs from Go's html.UnescapeString in references to
// code points that may not be referred to, which it drops.
func UnescapeHTML(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for s != "" {
		amp := strings.IndexByte(s, '&')
		if amp < 0 {
			break
		}
		b.WriteString(s[:amp])
		s = s[amp:]
		n, replacement := charref(s)
		b.WriteString(replacement)
		s = s[n:]
	}
	b.WriteString(s)
	return b.String()
}

// charref reads the character reference at the start of s, which begins with
// "&", and returns its length and what it stands for; "&" alone stands for
// itself.
func charref(s string) (n int, replacement string) {
	if n, text, ok := numericRef(s); ok {
		return n, text
	}
	n = nameLen(s[1:])
	if n == 0 {
		return 1, "&"
	}
	name := s[1 : 1+n]
	if text, ok := entity(name); ok {
		return 1 + n, text
	}
	for k := min(n-1, maxBareEntity); k > 1; k-- {
		if text, ok := entity(name[:k]); ok {
			return 1 + n, text + name[k:]
		}
	}
	return 1 + n, s[:1+n]
}

// nameLen returns the length in bytes of what may be an entity's name at the
// start of s: up to 32 characters that do not end one, and a semicolon.
func nameLen(s string) int {
	count := 0
	for i, r := range s {
		switch {
		case r == ';' && count > 0:
			return i + 1
		case count == maxEntity || strings.ContainsRune("\t\n\f <&#;", r):
			return i
		}
		count++
	}
	return len(s)
}

// numericRef reads "&#123;" or "&#x1F;", the semicolon optional.
func numericRef(s string) (n int, text string, ok bool) {
	if !strings.HasPrefix(s, "&#") {
		return 0, "", false
	}
	digits, base := s[2:], 10
	if digits != "" && (digits[0] == 'x' || digits[0] == 'X') {
		digits, base = digits[1:], 16
	}
	end := 0
	for end < len(digits) && isDigit(digits[end], base) {
		end++
	}
	if end == 0 {
		return 0, "", false
	}
	n = len(s) - len(digits) + end
	if n < len(s) && s[n] == ';' {
		n++
	}
	code, err := strconv.ParseInt(digits[:end], base, 32)
	if err != nil { // more digits than any code point has
		return n, string(utf8.RuneError), true
	}
	return n, codePoint(rune(code)), true
}

func isDigit(c byte, base int) bool {
	return '0' <= c && c <= '9' || base == 16 && ('a' <= c && c <= 'f' || 'A' <= c && c <= 'F')
}

// codePoint returns what a numeric reference to r stands for, by the HTML 5
// standard: C1 controls are read as Windows-1252; U+0000, surrogates and
// numbers beyond Unicode give U+FFFD; other controls and noncharacters nothing.
func codePoint(r rune) string {
	switch {
	case r == 0 || r > utf8.MaxRune || r >= 0xd800 && r <= 0xdfff:
		return string(utf8.RuneError)
	case r >= 0x80 && r <= 0x9f:
		return string(windows1252.decode[r])
	case r == '\t' || r == '\n' || r == '\f' || r == '\r':
		return string(r)
	case r < ' ' || r == 0x7f, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return ""
	}
	return string(r)
}

// missingEntities are the entities of HTML 5 that Go's html package does not
// know.
var missingEntities = map[string]string{"nGt;": "\u226b\u20d2", "nLt;": "\u226a\u20d2"}

// entity looks up a name of HTML 5's table, with its semicolon if it has one.
// The table is the one inside Go's html package: what html.UnescapeString
// replaces as a whole is in it.
func entity(name string) (text string, ok bool) {
	if text, ok := missingEntities[name]; ok {
		return text, true
	}
	ref := "&" + name
	text = html.UnescapeString(ref)
	if text == ref {
		return "", false
	}
	if strings.HasSuffix(name, ";") {
		// Had only a prefix been known, the semicolon would still be there.
		return text, name == "semi;" || !strings.HasSuffix(text, ";")
	}
	// Entities without a semicolon are single characters.
	return text, utf8.RuneCountInString(text) == 1
}

// upperSpecial lists the lower-case entities whose character has no upper-case
// form in one character.
var upperSpecial = map[string]string{
	"ﬃ": "FFI", "ﬀ": "FF", "ﬄ": "FFL", "ﬁ": "FI", "ﬂ": "FL", "ŉ": "ʼN", "ß": "SS",
}

// unescapeStrict resolves only references that end with a semicolon, and
// names of lower-case entities in capitals ("&EACUTE;") to the capital letter.
func unescapeStrict(text []rune) []rune {
	if !slices.Contains(text, '&') {
		return text
	}
	out := make([]rune, 0, len(text))
	for i := 0; i < len(text); {
		if n := strictLen(text[i:]); n > 0 {
			out = append(out, []rune(strictRef(string(text[i:i+n])))...)
			i += n
			continue
		}
		out = append(out, text[i])
		i++
	}
	return out
}

// strictLen returns the length of the reference that text starts with: "&",
// perhaps "#", up to 24 ASCII letters and digits, ";". 0 if there is none.
func strictLen(text []rune) int {
	if text[0] != '&' {
		return 0
	}
	i := 1
	if i < len(text) && text[i] == '#' {
		i++
	}
	start := i
	for i < len(text) && i-start < 24 && isAlnum(text[i]) {
		i++
	}
	if i == start || i == len(text) || text[i] != ';' {
		return 0
	}
	return i + 1
}

func isAlnum(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// strictRef returns what ref stands for, ref itself where it is unknown.
func strictRef(ref string) string {
	if ref[1] == '#' {
		if text := UnescapeHTML(ref); !strings.Contains(text, ";") {
			return text
		}
		return ref
	}
	name := ref[1:]
	if text, ok := entity(name); ok {
		return text
	}
	if name != strings.ToUpper(name) || UnescapeHTML(ref) != ref {
		return ref
	}
	text, ok := entity(strings.ToLower(name))
	if !ok {
		return ref
	}
	if special, ok := upperSpecial[text]; ok {
		return special
	}
	return strings.ToUpper(text)
}
