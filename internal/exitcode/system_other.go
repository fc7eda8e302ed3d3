//go:build !windows

package exitcode

import "syscall"

var ofSystem []syscall.Errno
