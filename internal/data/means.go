package data

import (
	"errors"
	"syscall"
)

// LackOfMeans reports whether a file could not be opened for want of descriptors
// or memory: that says nothing about the file, so it is an error and not a
// picture to leave out.
func LackOfMeans(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}
