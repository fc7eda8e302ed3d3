package data

import (
	"os"
	"syscall"
	"time"
)

// stateOf is what changes with a file's content beside size and time of
// modification: device, inode and time of change, which no program can set back.
func stateOf(info os.FileInfo) (state [3]int64, changed time.Time, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return state, changed, false
	}
	changed = time.Unix(s.Ctim.Unix())
	return [3]int64{int64(s.Dev), int64(s.Ino), changed.UnixNano()}, changed, true
}
