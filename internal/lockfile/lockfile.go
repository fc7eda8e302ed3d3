// Package lockfile keeps processes that write into one folder from getting in
// each other's way, by locks of the operating system: those of a process that
// ends, however it ends, are gone with it.
package lockfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Name is the file in a folder that is locked. It is there only while somebody
// works on the folder, or was killed doing so.
const Name = ".lock"

// poll is how often a lock that another process has is tried again.
const poll = 50 * time.Millisecond

// Hold locks a folder, which must be there, and returns what releases it. It
// waits while another process has it, until ctx ends, and calls waiting, unless
// it is nil, once before that. On a file system without locks it does nothing.
func Hold(ctx context.Context, dir string, waiting func()) (release func(), err error) {
	path := filepath.Join(dir, Name)
	for told := false; ; {
		f, ok, err := open(path)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		if ok {
			return func() {
				os.Remove(path) // while it is ours, so that it is not another's
				f.Close()
			}, nil
		}
		if !told && waiting != nil {
			waiting()
		}
		told = true
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(poll):
		}
	}
}

// open opens and locks a file. It reports false where another has it, or has
// removed it in between.
func open(path string) (*os.File, bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, false, err
	}
	if got, err := Try(f); err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && !got {
		return nil, false, errors.Join(err, f.Close())
	}
	if !Is(f, path) {
		return nil, false, f.Close()
	}
	return f, true, nil
}

// Is reports whether an open file is the one at path, not one that was there.
func Is(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Lstat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// Works reports, as an error, that locks do not work in a folder.
func Works(dir string) error {
	f, err := os.CreateTemp(dir, ".lock-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	got, err := Try(f)
	if err == nil && !got {
		err = errors.New("a new file is locked already")
	}
	if err != nil {
		err = fmt.Errorf("its files cannot be locked (%w)", err)
	}
	return errors.Join(err, f.Close())
}
