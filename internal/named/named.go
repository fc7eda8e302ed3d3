// Package named finds things by the names they have on the command line.
package named

import (
	"fmt"
	"strings"
)

// Thing has a name.
type Thing interface{ Name() string }

// Names lists the names of things.
func Names[T Thing](things []T) []string {
	names := make([]string, len(things))
	for i, t := range things {
		names[i] = t.Name()
	}
	return names
}

// Find returns the thing of a name. The error says what kind of thing is
// unknown, and which names are known.
func Find[T Thing](kind, name string, things []T) (T, error) {
	for _, t := range things {
		if t.Name() == name {
			return t, nil
		}
	}
	var none T
	names := Names(things)
	return none, fmt.Errorf("unknown %s %q%s; known are %s", kind, name, Suggestion(name, names),
		strings.Join(names, ", "))
}

// Nearest returns the known name that name was probably meant to be, or "".
func Nearest(name string, known []string) string {
	best, at := "", max(2, len(name)/3)+1
	for _, k := range known {
		d := distance(strings.ToLower(name), strings.ToLower(k))
		if len(name) > 2 && strings.HasPrefix(k, name) {
			d = 1
		}
		if d < at && d < len(k) {
			best, at = k, d
		}
	}
	return best
}

// Suggestion is what an error about an unknown name ends in: the nearest known
// one, or nothing.
func Suggestion(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// distance is the number of letters to insert, drop, replace or swap with their
// neighbours that makes b of a (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
