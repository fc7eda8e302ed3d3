package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/bench"
	"clipcalib/internal/exitcode"
)

// TestBenchShowsAndCompares measures twice and looks at the files.
func TestBenchShowsAndCompares(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files []string
	for i, what := range []string{"peaks,images", "images,prompts"} {
		o := mustRun(t, "bench", "--models", "tiny", "--what", what, "--batches", "1,2", "--prompts", "3", "--time",
			"1ms",
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
	md, svg, again := filepath.Join(dir, "a.md"), filepath.Join(dir, "a.svg"), filepath.Join(dir, "again.json")
	mustRun(t, "bench", "--show", files[0], "--out", md, "--out", svg, "--out", again)
	for path, want := range map[string]string{md: "| image encoding, end to end", svg: "<svg", again: `"schema": 2`} {
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v, no %q in %s", path, err, want, b)
		}
	}
	compared := filepath.Join(dir, "compared.md")
	text := mustRun(t, "bench", "--compare", files[0], files[1], "--out", compared).out
	for _, want := range []string{"A: " + files[0] + ": ", "B: b.json", "B/A", "noise", "measured in " + files[0] +
		" only: 2",
		"measured in " + files[1] + " only: 1: fp32 prompt encoding tiny 3"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if b, err := os.ReadFile(compared); err != nil || !strings.Contains(string(b), "| precision |") {
		t.Errorf("%v: %s", err, b)
	}
	var v struct {
		Pairs []bench.Pair
	}
	if err := json.Unmarshal([]byte(mustRun(t, "bench", "--compare", "--json", files[0], files[1]).out),
		&v); err != nil || len(v.Pairs) != 6 {
		t.Errorf("%v: %+v", err, v)
	}
}

// TestMLPerfFlagsWantOneAnother looks at what is refused before anything runs.
func TestMLPerfFlagsWantOneAnother(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"bench --mlperf-like --weights w.pt":         "--weights and --data together",
		"bench --mlperf-like --mlperf-samples 0":     "want more than 0",
		"bench --mlperf-like --template {}":          "no use without --data",
		"bench --mlperf-like --batches 1,2":          "takes one batch",
		"bench --mlperf-like --models tiny":          "--models has no use with --mlperf-like",
		"bench --mlperf-time 1s":                     "--mlperf-time has no use without --mlperf-like",
		"bench --rel-std 0":                          "want more than 0",
		"bench --out a.txt":                          "end it in one of .json, .md",
		"bench --compare a.json b.json --out c.json": "end it in one of .md",
	} {
		o := command(strings.Fields(args)...)
		if o.code != exitcode.Misuse || !strings.Contains(o.err, want) {
			t.Errorf("%s: %d %s, want %q", args, o.code, o.err, want)
		}
	}
}
