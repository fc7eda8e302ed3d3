//go:build gpu

package nvidia

import "C"

import (
	"reflect"

	"clipcalib/internal/engine/cuda"
)

// explain gives an error of package cu words and a remedy. Its type is not
// exported, but is an integer: the driver's code.
func explain(err error) error {
	if v := reflect.ValueOf(err); err != nil && v.Kind() == reflect.Int {
		return cuda.DriverError(int(v.Int()))
	}
	return err
}

// code is explain for a code itself.
func code(c C.int) error {
	if c == 0 {
		return nil
	}
	return cuda.DriverError(int(c))
}
