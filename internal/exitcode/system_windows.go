package exitcode

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// ofSystem are the temporary errors that Windows has numbers of its own for.
var ofSystem = []syscall.Errno{
	windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED,
	windows.ERROR_TOO_MANY_OPEN_FILES, windows.ERROR_NOT_ENOUGH_MEMORY, windows.ERROR_OUTOFMEMORY,
	windows.ERROR_NO_SYSTEM_RESOURCES, windows.ERROR_COMMITMENT_LIMIT, windows.ERROR_SHARING_VIOLATION,
	windows.WSAEADDRINUSE,
}
