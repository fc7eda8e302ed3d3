package settings

import (
	"fmt"
	"strings"

	"clipcalib/internal/named"
)

// Help lists the settings of things, a line each: whose it is, name=default,
// what it is and where the default is from.
func Help[T named.Thing](things []T) string {
	var b strings.Builder
	for _, t := range things {
		for _, s := range Of(t) {
			sign := "="
			if s.auto {
				sign = ": "
			}
			if s.Required {
				fmt.Fprintf(&b, "  %-15s %s, required  %s (%s", t.Name(), s.Name, s.Help, s.why)
			} else {
				fmt.Fprintf(&b, "  %-15s %s%s%s  %s (%s", t.Name(), s.Name, sign, s.Default, s.Help, s.From)
			}
			if s.Range != "" {
				fmt.Fprintf(&b, "; %s", s.wants())
			}
			b.WriteString(")\n")
		}
	}
	return b.String()
}
