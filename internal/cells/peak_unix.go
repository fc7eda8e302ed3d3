//go:build unix

package cells

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// PeakMemory is the most memory that the process has had, in bytes; 0 where the
// system does not say.
func PeakMemory() int64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}
