package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/table"

	"golang.org/x/term"
)

// checkOutputFile reports what would keep a file from being written at path,
// before the work whose result it is to hold. It leaves nothing behind.
func checkOutputFile(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("--out %s: it is a folder, want a file", path)
	}
	return probe(filepath.Dir(path), path)
}

// checkOutputFolder is checkOutputFile for files in a folder. One that is there
// is left alone: it may hold the finished work, which needs no writing.
func checkOutputFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	return probe(dir, dir)
}

// probe tries to make a file in dir or in the nearest folder above that is
// there; path is what the error names.
func probe(dir, path string) error {
	for {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
			dir = filepath.Dir(dir)
			continue
		}
		if err == nil && !info.IsDir() {
			return fmt.Errorf("--out %s: %s is not a directory", path, dir)
		}
		if err == nil {
			err = atomicfile.Probe(dir)
		}
		if err != nil {
			return fmt.Errorf("--out %s: %w", path, err)
		}
		return nil
	}
}

// columns is the width that tables fit into: the terminal's, else 80.
func (a *app) columns() int {
	const usual = 80
	f, ok := a.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return usual
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil || n <= 0 {
		return usual
	}
	return n
}

// printTable writes a table that fits.
func (a *app) printTable(g table.Grid) error { return g.WriteFitting(a.out, a.columns()) }
