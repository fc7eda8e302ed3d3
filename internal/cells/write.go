package cells

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"clipcalib/internal/regular"
)

// Begin makes the folder of a new attempt.
func (s Store) Begin(b Begun) (*Attempt, error) {
	name := make([]byte, 8)
	if _, err := rand.Read(name); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	a := &Attempt{Dir: filepath.Join(s.Dir(b.Cell), hex.EncodeToString(name)), Begun: b}
	if err := os.MkdirAll(a.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return a, a.write(begunFile, b)
}

// Publish copies the files below a folder, and says last that they are there.
// Those that keep names, by their paths with slashes, are left behind.
func (a *Attempt) Publish(from string, d Done, leave func(file string) bool) error {
	d.Version, d.Cell = version, a.Begun.Cell
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(rel)
		if !e.Type().IsRegular() || leave != nil && leave(file) {
			return nil
		}
		entry, err := a.copy(path, file)
		d.Files = append(d.Files, entry)
		return err
	})
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	slices.SortFunc(d.Files, func(a, b Entry) int {
		if a.File < b.File {
			return -1
		}
		return 1
	})
	if err := a.write(doneFile, d); err != nil {
		return err
	}
	a.State, a.Done = Finished, d
	return nil
}

// Fail says why there is no result, with the trace of a defect, or "".
func (a *Attempt) Fail(code int, message, trace string) error {
	a.State, a.Failed = Failure, Failed{a.Begun.Cell, code, message, trace}
	return a.write(failedFile, a.Failed)
}

// Condemn says that a finished attempt's files are not what was written: it no
// longer counts.
func (a *Attempt) Condemn(message string) error {
	a.State, a.Why = Unfinished, message
	return a.write(badFile, map[string]string{"error": message})
}

func (a *Attempt) write(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = create(filepath.Join(a.Dir, name), func(w io.Writer) error {
			_, err := w.Write(append(raw, '\n'))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return nil
}

func (a *Attempt) copy(from, file string) (Entry, error) {
	to := filepath.Join(a.Dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return Entry{}, err
	}
	f, err := regular.Open(from)
	if err != nil {
		return Entry{}, err
	}
	defer f.Close()
	e := Entry{File: file}
	sum := sha256.New()
	err = create(to, func(w io.Writer) (err error) {
		e.Bytes, err = io.Copy(io.MultiWriter(w, sum), f)
		return err
	})
	e.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return e, err
}

// create writes a file that is not there, from beginning to end. An object store
// may keep it at the very end, so closing it counts.
func create(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Sync(), f.Close())
}

func hashFile(path string) (string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
