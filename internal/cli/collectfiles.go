package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/cells"
	"clipcalib/internal/docfile"
	"clipcalib/internal/regular"
	"clipcalib/internal/run"
	"clipcalib/internal/table"
)

// writeTables writes a table in every form, and beside it what it lacks.
func writeTables(dir string, t *table.Table, c *collection) error {
	if err := docfile.WriteJSON(filepath.Join(dir, "collected.json"), c); err != nil {
		return err
	}
	if t == nil {
		return nil
	}
	wide := t.Wide(table.Main)
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"table.md", wide.WriteMarkdown}, {"table.tex", wide.WriteLaTeX}, {"table.csv", t.WriteTidy},
		{"table-wide.csv", t.WriteWide},
	} {
		if err := atomicfile.Write(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return docfile.WriteJSON(filepath.Join(dir, "table.json"), t)
}

// gatherRuns copies the runs to one folder. Runs of one recipe, as of test-time
// tuning on several targets, become one.
func (c *collection) gatherRuns(dir string) error {
	for i := range c.done {
		a := &c.done[i]
		if a.Done.Run == "" {
			continue
		}
		if err := gatherRun(a, filepath.Join(dir, filepath.Base(a.RunDir()))); err != nil {
			return fmt.Errorf("--runs: %w", err)
		}
	}
	return nil
}

// gatherRun copies a run's files, its manifests last.
func gatherRun(a *cells.Attempt, to string) error {
	for _, manifests := range []bool{false, true} {
		for _, e := range a.Done.Files {
			file, ours := strings.CutPrefix(e.File, a.Done.Run+"/")
			if !ours || (path.Base(file) == run.ManifestFile) != manifests {
				continue
			}
			if err := gatherFile(filepath.Join(a.RunDir(), filepath.FromSlash(file)), to, file); err != nil {
				return err
			}
		}
	}
	return nil
}

// gatherFile copies a file, unless it is there.
func gatherFile(from, dir, file string) error {
	to := filepath.Join(dir, filepath.FromSlash(file))
	there, err := os.ReadFile(to)
	if err == nil && file == run.ModelFile { // says where the weights are from there
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	new, failed := regular.ReadFile(from)
	switch {
	case failed != nil:
		return failed
	case err == nil && bytes.Equal(there, new):
		return nil
	case err == nil:
		return fmt.Errorf("%s is there and is not what %s is: name another folder", to, from)
	}
	if err := atomicfile.WriteBytes(to, new); err != nil || file != run.ModelFile {
		return err
	}
	return run.Settle(dir, dir)
}

// gatherBank puts the features of encoded parts into a bank.
func (a *app) gatherBank(done []cells.Attempt, dir string) error {
	copied, there := 0, 0
	for i := range done {
		for _, e := range done[i].Done.Files {
			file, ours := strings.CutPrefix(e.File, bankFolder+"/")
			if !ours || done[i].Done.Run != "" {
				continue
			}
			to := filepath.Join(dir, filepath.FromSlash(file))
			if info, err := os.Stat(to); err == nil && info.Size() == e.Bytes {
				there++
				continue
			}
			raw, err := regular.ReadFile(filepath.Join(done[i].Dir, filepath.FromSlash(e.File)))
			if err == nil {
				err = atomicfile.WriteBytes(to, raw)
			}
			if err != nil {
				return fmt.Errorf("--bank: %w", err)
			}
			copied++
		}
	}
	if copied+there == 0 {
		return usagef("--bank: no cell that is done has encoded a part: --bank is for plans of clipcalib plan encode")
	}
	a.note("%s: %d files of the bank written, %d were there", dir, copied, there)
	return nil
}
