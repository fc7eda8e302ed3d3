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

// TestBenchComparesWhatIsComparable wants a file that has a run twice to be refused
// and two schemas to be named.
func TestBenchComparesWhatIsComparable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, schema, runs string) string {
		path := filepath.Join(dir, name)
		text := `{` + schema + `"version":"v","go":"go","runs":[` + runs + `]}`
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const run = `{"engine":"cpu","precision":"fp32","figures":[{"what":"x","rate":2,"unit":"images/s"}]}`
	old, now := file("old.json", "", run), file("now.json", `"schema":2,`, run)
	twice := file("twice.json", `"schema":2,`, run+","+run)
	for _, args := range [][]string{{twice, now}, {now, twice}} {
		o := command(append([]string{"bench", "--compare"}, args...)...)
		if o.code != exitcode.Failed || !strings.Contains(o.err, twice+`: "fp32 x" is measured twice`) || o.out != "" {
			t.Errorf("%q: %d %s%s", args, o.code, o.out, o.err)
		}
	}
	if text := mustRun(t, "bench", "--compare", old, now).out; !strings.Contains(text, "A has schema 1") ||
		!strings.Contains(text, "B has schema 2") {
		t.Error(text)
	}
	if text := mustRun(t, "bench", "--compare", now, now).out; strings.Contains(text, "schema") {
		t.Error(text)
	}
	if text := mustRun(t, "bench", "--compare", "--json", old, now).out; !strings.Contains(text, `"a_schema": 1`) ||
		!strings.Contains(text, `"differences"`) {
		t.Error(text)
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
		"bench --batches 2,1,2":                      "--batches names 2 twice",
		"bench --models tiny,tiny":                   "--models names tiny twice",
		"bench --precision fp32,fp32":                "--precision names fp32 twice",
		"bench --out a.txt":                          "end it in one of .json, .md",
		"bench --compare a.json b.json --out c.json": "end it in one of .md",
	} {
		o := command(strings.Fields(args)...)
		if o.code != exitcode.Misuse || !strings.Contains(o.err, want) {
			t.Errorf("%s: %d %s, want %q", args, o.code, o.err, want)
		}
	}
}
