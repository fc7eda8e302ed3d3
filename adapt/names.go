package adapt

import (
	"maps"
	"slices"
	"strings"
)

// keys returns a map's keys in order.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// listOr joins names, or returns other when there are none.
func listOr(names []string, other string) string {
	if len(names) == 0 {
		return other
	}
	return strings.Join(names, ", ")
}
