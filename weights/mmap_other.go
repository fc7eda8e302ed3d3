//go:build !unix

package weights

import (
	"errors"
	"os"
)

// mapFile always fails here, and the reader falls back to ReadAt.
func mapFile(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func releasePages([]byte) {}

func unmapFile([]byte) error { return nil }
