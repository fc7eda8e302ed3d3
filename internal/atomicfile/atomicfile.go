// Package atomicfile writes files that appear under their final name only
// when they are whole: the bytes go to a temporary file in the same folder,
// are synced, and are renamed into place. The temporary file is locked while
// its process lives, so that those of killed processes are known and removed.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/lockfile"
)

// Write calls fill with a buffered writer and moves the result to path. When
// fill or any step after it fails, path is left as it was and the temporary
// file is removed. Missing parent folders are created.
func Write(path string, fill func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create folder for %s: %w", path, err)
	}
	sweep(dir, "."+filepath.Base(path)+part)
	f, err := temporary(dir, filepath.Base(path))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := fill(w); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Chmod(0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := rename(f, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	syncDir(dir)
	return nil
}

// WriteBytes is Write for content already at hand.
func WriteBytes(path string, content []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// rename moves f, and closes it. Until then it is locked, lest it be swept.
func rename(f *os.File, path string) error {
	if !lockfile.Supported { // nor can an open file be moved there
		if err := f.Close(); err != nil {
			return err
		}
		return os.Rename(f.Name(), path)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return f.Close()
}

// part is in the names of temporary files, before what tells them apart.
const part = ".part-"

// temporary makes a file that [Sweep] of another process leaves alone.
func temporary(dir, name string) (*os.File, error) {
	for {
		f, err := os.CreateTemp(dir, "."+name+part+"*")
		if err != nil {
			return nil, err
		}
		got, err := lockfile.Try(f)
		if err != nil || got && lockfile.Is(f, f.Name()) { // without locks nothing is swept
			return f, nil
		}
		f.Close() // swept before it was locked
		os.Remove(f.Name())
	}
}

// Probe reports what keeps a file from being written in dir, and leaves
// nothing behind.
func Probe(dir string) error {
	Sweep(dir)
	f, err := temporary(dir, "clipcalib")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Sweep removes the temporary files that killed processes left in dir.
func Sweep(dir string) { sweep(dir, ".") }

// sweep is [Sweep] of names that begin with prefix.
func sweep(dir, prefix string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !strings.Contains(e.Name(), part) || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if got, err := lockfile.Try(f); err == nil && got {
			os.Remove(path)
		}
		f.Close()
	}
}

// syncDir makes the rename itself durable. Some file systems refuse to sync a
// folder; the file is whole either way, so the error is dropped.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
