package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The demo repeated, in its folder and in a fresh one, gives the same bytes in all
// that it writes for people, times aside.
func TestTheDemosReportIsTheSameBytesAgain(t *testing.T) {
	if os.Getenv("CLIPCALIB_FULL") == "" {
		t.Skip("half a minute of two cores; CLIPCALIB_FULL=1 runs it")
	}
	dir := t.TempDir()
	run := func(out string) map[string][]byte {
		o := mustRun(t, "demo", "--weights", tinyModel(), "--seeds", "1", "--epochs", "1", "--out", out)
		if o.out == "" {
			t.Fatal("no table")
		}
		files := map[string][]byte{}
		entries, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !e.IsDir() && e.Name() != "times.json" {
				files[e.Name()] = readFile(t, filepath.Join(out, e.Name()))
			}
		}
		return files
	}
	first := run(filepath.Join(dir, "one"))
	for _, want := range []string{"report.html", "results.json", "reliability-1.png"} {
		if len(first[want]) == 0 {
			t.Errorf("%s is missing or empty", want)
		}
	}
	for what, out := range map[string]string{"repeated": "one", "in a fresh folder": "two"} {
		again := run(filepath.Join(dir, out))
		for name, content := range first {
			if !bytes.Equal(content, again[name]) {
				t.Errorf("%s: %s differs (%d and %d bytes)", what, name, len(content), len(again[name]))
			}
		}
		if len(again) != len(first) {
			t.Errorf("%s: %d files, at first %d", what, len(again), len(first))
		}
	}
}
