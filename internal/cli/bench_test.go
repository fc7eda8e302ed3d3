package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/bench"
)

// TestBenchShowsAndCompares measures twice and looks at the files.
func TestBenchShowsAndCompares(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files []string
	for i, what := range []string{"peaks,images", "images,prompts"} {
		o := mustRun(t, "bench", "--models", "tiny", "--what", what, "--batches", "1,2", "--prompts", "3", "--time", "1ms",
			"--threads", "1", "--json")
		path := filepath.Join(dir, string(rune('a'+i))+".json")
		if err := os.WriteFile(path, []byte(o.out), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	shown := mustRun(t, "bench", "--show", files[0]).out
	for _, want := range []string{"matrix products reach", "image encoding, end to end", "of peak"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in %s", want, shown)
		}
	}
	text := mustRun(t, "bench", "--compare", files[0], files[1]).out
	if !strings.Contains(text, "A: ") || !strings.Contains(text, "B/A") ||
		!strings.Contains(text, "measured in one file only: 3") {
		t.Error(text)
	}
	var v struct {
		Pairs []bench.Pair
	}
	if err := json.Unmarshal([]byte(mustRun(t, "bench", "--compare", "--json", files[0], files[1]).out),
		&v); err != nil || len(v.Pairs) != 4 {
		t.Errorf("%v: %+v", err, v)
	}
}
