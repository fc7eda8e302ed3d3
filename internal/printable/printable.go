// Package printable escapes what files and folders may call themselves.
package printable

import (
	"strconv"
	"strings"
	"unicode"
)

// Escape returns s with its control characters escaped as in Go's strings, so
// that a name from elsewhere cannot move the cursor of a terminal or forge a
// line. Text without them comes back as it is.
func Escape(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}
