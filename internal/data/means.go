package data

import (
	"errors"
	"slices"
)

// LackOfMeans reports whether a file could not be opened for want of descriptors
// or memory: that says nothing about the file, so it is an error and not a
// picture to leave out.
func LackOfMeans(err error) bool {
	return slices.ContainsFunc(wants, func(w error) bool { return errors.Is(err, w) })
}
