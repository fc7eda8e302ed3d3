package adapt

import "strings"

// listOr joins names, or returns other when there are none.
func listOr(names []string, other string) string {
	if len(names) == 0 {
		return other
	}
	return strings.Join(names, ", ")
}
