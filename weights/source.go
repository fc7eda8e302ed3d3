package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"clipcalib/internal/regular"
)

// source is an open checkpoint file. Where the system allows it the file is
// mapped into memory, so that a tensor's bytes are read once, straight into
// the float32 slice the caller gets.
type source struct {
	io.ReaderAt // the file itself, safe if it shrinks behind the mapping
	size        int64
	data        []byte // the mapping, or nil
	release     func() error
}

// bytesSource serves a checkpoint that is in memory already.
func bytesSource(data []byte) *source {
	return &source{ReaderAt: bytes.NewReader(data), size: int64(len(data)), data: data}
}

func openSource(path string) (*source, error) {
	f, err := regular.Open(path)
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
		if info.IsDir() {
			return nil, fmt.Errorf("%s is a folder: name the weights file in it, such as model.safetensors", path)
		}
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	s := &source{ReaderAt: f, size: info.Size(), release: f.Close}
	if s.size > 0 {
		// A file system that cannot map is served by ReadAt.
		if data, err := mapFile(f, s.size); err == nil {
			s.data = data
			s.release = func() error { return errors.Join(unmapFile(data), f.Close()) }
		}
	}
	return s, nil
}

// close gives the file and its mapping back. Later reads fail.
func (s *source) close() error {
	release := s.release
	s.data, s.size, s.release = nil, 0, nil
	if release == nil {
		return nil
	}
	return release()
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
	if _, err := s.ReadAt(buf, off); err != nil && !(errors.Is(err, io.EOF) && n == 0) {
		return nil, err
	}
	return buf, nil
}

// done lets the system take back the pages of a large window of the mapping,
// so that a process holds a checkpoint's bytes once, not twice.
func (s *source) done(off, n int64) {
	const worthIt = 1 << 20
	page := int64(os.Getpagesize())
	first, last := (off+page-1)/page*page, (off+n)/page*page
	if s.release != nil && n >= worthIt && last > first && last <= int64(len(s.data)) {
		releasePages(s.data[first:last])
	}
}

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
