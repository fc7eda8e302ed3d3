//go:build !unix

package lockfile

import (
	"errors"
	"os"
)

// Supported says that there are none.
const Supported = false

// Try is for systems that have the locks of Unix.
func Try(*os.File) (bool, error) { return false, errors.ErrUnsupported }
