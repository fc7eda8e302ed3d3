package text

import (
	"strings"

	"clipcalib/internal/ftfy"
)

// clean prepares a text for splitting as OpenAI's basic_clean and
// whitespace_clean do: ftfy's repairs, HTML entities resolved twice (texts
// scraped from the web are often escaped twice), white space collapsed, lower
// case.
func clean(s string) string {
	s = ftfy.FixText(s)
	s = ftfy.UnescapeHTML(ftfy.UnescapeHTML(s))
	return lower(strings.Join(strings.Fields(s), " "))
}
