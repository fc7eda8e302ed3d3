package weights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// source is an open checkpoint file. Where the system allows it the file is
// mapped into memory, so that a tensor's bytes are read once, straight into
// the float32 slice the caller gets.
type source struct {
	file *os.File
	size int64
	data []byte // the mapping, or nil
}

func openSource(path string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.New("not a regular file")
	}
	s := &source{file: f, size: info.Size()}
	if s.size > 0 {
		// A file system that cannot map is served by ReadAt.
		s.data, _ = mapFile(f, s.size)
	}
	return s, nil
}

func (s *source) close() error {
	err := unmapFile(s.data)
	s.data = nil
	return errors.Join(err, s.file.Close())
}

// bytes returns n bytes at off: a window of the mapping, or a fresh copy.
// Windows must not be written to, and are gone after close.
func (s *source) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > s.size || n > s.size-off {
		return nil, fmt.Errorf("bytes %d to %d lie outside the file of %d bytes", off, off+n, s.size)
	}
	if s.data != nil {
		return s.data[off : off+n : off+n], nil
	}
	buf := make([]byte, n)
	if _, err := s.file.ReadAt(buf, off); err != nil && !(errors.Is(err, io.EOF) && n == 0) {
		return nil, err
	}
	return buf, nil
}

// ReadAt lets archive/zip and SHA-256 read through the open file, which stays
// safe if the file shrinks behind the mapping.
func (s *source) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

// guard runs f and turns a panic into an error: a fault because the file was
// cut short behind its mapping, or a fault in a decoder fed with hostile
// bytes.
func guard(what string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: malformed data (%.200s)", what, fmt.Sprint(p))
		}
	}()
	return f()
}
