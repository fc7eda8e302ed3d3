// Package regular opens files that must be files: a pipe without a writer, or a
// terminal, would be waited for with no end, and a device may have no end.
package regular

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Open is [os.Open] of a file. Folders, pipes, sockets and devices are refused
// before they are opened.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("it is %s, want a file", kind(info.Mode()))}
	}
	return os.Open(path)
}

// ReadFile is [os.ReadFile] of a file, as [Open] takes it.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}
