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
	return none, fmt.Errorf("unknown %s %q; known are %s", kind, name, strings.Join(Names(things), ", "))
}
