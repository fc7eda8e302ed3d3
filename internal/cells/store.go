package cells

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of an attempt that are ours.
const (
	begunFile  = "begun.json"
	doneFile   = "done.json"
	failedFile = "failed.json"
	badFile    = "damaged.json"
)

// version is that of the form of an attempt's folder.
const version = 1

// maxDocument bounds those files.
const maxDocument = 16 << 20

// Store is a folder of results.
type Store struct{ dir string }

// Open is the store in a folder, which need not be there.
func Open(dir string) Store { return Store{dir} }

// Dir is the folder of a cell's attempts.
func (s Store) Dir(id string) string { return filepath.Join(s.dir, "cells", id) }

// Begun says who works on an attempt.
type Begun struct {
	Cell      string `json:"cell"`
	Label     string `json:"label"`
	Host      string `json:"host"`
	Process   int    `json:"process"`
	Task      string `json:"task,omitempty"` // of the scheduler
	Time      string `json:"time"`           // RFC 3339
	Program   string `json:"program"`
	Restarted int    `json:"restarted,omitempty"` // how often the scheduler has, where it says so
}

// Done says what an attempt's result is. What Files, Run and ExitCode say is the
// same for equal results; the others tell how they came about.
type Done struct {
	Version    int     `json:"version"` // of the form of an attempt's folder
	Cell       string  `json:"cell"`
	Run        string  `json:"run"`       // folder of the run below the attempt's; "" where there is none
	ExitCode   int     `json:"exit_code"` // 0, or 3 where something unreadable was left out
	LeftOut    string  `json:"left_out,omitempty"`
	Parameters string  `json:"parameters,omitempty"` // hash of what decides the run's parameters
	Files      []Entry `json:"files"`

	Seconds     float64 `json:"seconds"`
	MemoryBytes int64   `json:"memory_bytes,omitempty"` // the process's peak so far
}

// Failed says why an attempt has no result.
type Failed struct {
	Cell     string `json:"cell"`
	ExitCode int    `json:"exit_code"` // one of package exitcode's
	Error    string `json:"error"`
	Trace    string `json:"trace,omitempty"` // of a defect of the program
}

// Entry is a file of a result.
type Entry struct {
	File   string `json:"file"` // below the attempt's folder, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// State is what became of an attempt.
type State int

// The states, as far as the files show.
const (
	Unfinished State = iota // at work, or killed
	Finished
	Failure
)

// Attempt is one attempt at a cell, as it was found.
type Attempt struct {
	Dir    string
	State  State
	Begun  Begun // as far as known
	Done   Done
	Failed Failed
	Why    string // an attempt with done.json is not finished
}

// RunDir is the folder of a finished attempt's run.
func (a *Attempt) RunDir() string { return filepath.Join(a.Dir, filepath.FromSlash(a.Done.Run)) }

// Find reads the attempts at a cell in the order of their names. Results are
// looked at by their files' sizes; [Attempt.Check] reads them.
func (s Store) Find(id string) ([]Attempt, error) {
	entries, err := os.ReadDir(s.Dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	var out []Attempt
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		a := Attempt{Dir: filepath.Join(s.Dir(id), e.Name())}
		if err := a.read(id); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// IDs lists the cells that something is there of.
func (s Store) IDs() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "cells"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

func (a *Attempt) read(id string) error {
	var bad struct{ Error string }
	condemned, err := a.document(badFile, &bad)
	if err != nil {
		return err
	}
	done, err := a.document(doneFile, &a.Done)
	if err != nil {
		return err
	}
	if done && a.Done.Version > version {
		return fmt.Errorf("results: %s is of version %d, this program knows those up to %d: use a newer one",
			filepath.Join(a.Dir, doneFile), a.Done.Version, version)
	}
	if condemned {
		a.Why = bad.Error
	} else if done {
		if a.Why = a.missing(id); a.Why == "" {
			a.State = Finished
			return nil
		}
	}
	failed, err := a.document(failedFile, &a.Failed)
	if err != nil {
		return err
	}
	if failed && !done {
		a.State = Failure
	}
	_, err = a.document(begunFile, &a.Begun)
	return err
}

// document reads one of our files. One that is not whole counts as not there:
// its writer was killed, or has not closed it yet.
func (a *Attempt) document(name string, v any) (bool, error) {
	f, err := os.Open(filepath.Join(a.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("results: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err != nil {
		return false, fmt.Errorf("results: %w", err)
	}
	return json.Unmarshal(raw, v) == nil, nil
}

// missing says what keeps a result from being whole, "" where nothing does.
func (a *Attempt) missing(id string) string {
	switch d := a.Done; {
	case d.Cell != id:
		return fmt.Sprintf("%s is of cell %.8s", doneFile, d.Cell)
	case len(d.Files) == 0:
		return doneFile + " lists no files"
	case d.Run != "" && !filepath.IsLocal(filepath.FromSlash(d.Run)):
		return fmt.Sprintf("%s names the run %q", doneFile, d.Run)
	}
	for _, e := range a.Done.Files {
		name := filepath.FromSlash(e.File)
		if !filepath.IsLocal(name) {
			return fmt.Sprintf("%s lists %q", doneFile, e.File)
		}
		info, err := os.Lstat(filepath.Join(a.Dir, name))
		switch {
		case err != nil:
			return e.File + " is missing"
		case !info.Mode().IsRegular():
			return e.File + " is no file"
		case info.Size() != e.Bytes:
			return fmt.Sprintf("%s has %d bytes where %d were written", e.File, info.Size(), e.Bytes)
		}
	}
	return ""
}

// Check reads a finished attempt's files. The error names the first that is not
// what was written.
func (a *Attempt) Check() error {
	for _, e := range a.Done.Files {
		path := filepath.Join(a.Dir, filepath.FromSlash(e.File))
		got, err := hashFile(path)
		if err != nil {
			return fmt.Errorf("results: %w", err)
		}
		if got != e.SHA256 {
			return fmt.Errorf("%s is damaged: its SHA-256 %.12s is not the %.12s that was written", path, got, e.SHA256)
		}
	}
	return nil
}

// Best is the attempt that counts: of those that are finished the first, since
// equal cells have equal results, and whether the others differ from it. The
// result is nil where none is finished.
func Best(attempts []Attempt) (best *Attempt, others int, differ bool) {
	for i := range attempts {
		a := &attempts[i]
		switch {
		case a.State != Finished:
		case best == nil:
			best = a
		default:
			others++
			differ = differ || !slices.Equal(a.Done.Files, best.Done.Files)
		}
	}
	return best, others, differ
}

// Last is the latest failure by its time; nil where there is none.
func Last(attempts []Attempt) (last *Attempt) {
	for i := range attempts {
		a := &attempts[i]
		if a.State == Failure && (last == nil || strings.Compare(a.Begun.Time, last.Begun.Time) > 0) {
			last = a
		}
	}
	return last
}
