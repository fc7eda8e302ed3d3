package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestFailedWriteLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "out.txt")
	if err := WriteBytes(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	err := Write(path, func(w io.Writer) error {
		w.Write([]byte("half"))
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatalf("error %v does not wrap the cause", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "old" {
		t.Fatalf("file holds %q, %v; want the old content", got, err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Fatalf("%d files left, want 1", len(entries))
	}
}

// TestLeftOversOfKilledWritersGo: a temporary file whose writer lives stays.
func TestLeftOversOfKilledWritersGo(t *testing.T) {
	dir := t.TempDir()
	left, other := filepath.Join(dir, ".out.part-1"), filepath.Join(dir, ".else.part-2")
	for _, path := range []string{left, other} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := func() (names []string) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	path := filepath.Join(dir, "out")
	err := Write(path, func(w io.Writer) error {
		if err := WriteBytes(path, []byte("the other's")); err != nil { // meanwhile
			return err
		}
		Sweep(dir)
		if got := names(); len(got) != 2 {
			t.Errorf("while writing: %q, want the file of the other and the temporary one", got)
		}
		_, err := w.Write([]byte("ours"))
		return err
	})
	if got, _ := os.ReadFile(path); err != nil || string(got) != "ours" {
		t.Errorf("%q, %v", got, err)
	}
	if got := names(); len(got) != 1 {
		t.Errorf("left: %q", got)
	}
}
