//go:build !linux

package data

import (
	"os"
	"time"
)

// stateOf knows of no sure sign of change here: contents are always hashed.
func stateOf(os.FileInfo) (state [3]int64, changed time.Time, ok bool) {
	return state, changed, false
}
