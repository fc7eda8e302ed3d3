package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestFiguresOfRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := evaluatedRuns(t, dir)
	for _, kind := range []string{"reliability", "ranges", "norms"} {
		for format, head := range map[string]string{".svg": "<?xml", ".pdf": "%PDF-", ".png": "\x89PNG"} {
			out := filepath.Join(dir, kind+format)
			mustRun(t, "figure", kind, runs, "--out", out)
			first := string(readFile(t, out))
			mustRun(t, "figure", kind, runs, "--out", out)
			if !strings.HasPrefix(first, head) || string(readFile(t, out)) != first {
				t.Errorf("%s%s: not its format, or other bytes the second time", kind, format)
			}
		}
	}
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{[]string{"pie", runs}, []string{"reliability, curves, ranges, norms"}},
		{[]string{"norms"}, []string{"no run folder"}},
		{[]string{"norms", runs, "--out", filepath.Join(dir, "x.jpg")}, []string{"x.jpg", ".svg"}},
		{[]string{"curves", runs}, []string{"two numbers of shots"}},
		{[]string{"norms", runs, "--method", "coop"}, []string{"--method", "reliability"}},
		{[]string{"reliability", runs, "--method", "coop"}, []string{"coop", "clip-adapter"}},
	} {
		failsClean(t, dir, append([]string{"figure"}, c.args...), c.words...)
	}
}
