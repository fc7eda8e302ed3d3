package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// evaluatedRuns writes runs of two seeds, one with a remedy, on two targets.
func evaluatedRuns(t *testing.T, dir string) string {
	t.Helper()
	train, test := featureFiles(t, dir)
	for _, seed := range []string{"1", "2"} {
		for _, remedy := range []string{"none", "sals"} {
			out := filepath.Join(dir, "runs", remedy+seed)
			mustRun(t, "adapt", "clip-adapter", "--remedy", remedy, "--seed", seed, "--features", train, "--epochs",
				"4", "--out", out)
			mustRun(t, "eval", out, "--features", train)
			mustRun(t, "eval", out, "--features", test)
		}
	}
	return filepath.Join(dir, "runs")
}

func TestReportIsOneSelfContainedPageOrATable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := evaluatedRuns(t, dir)
	page := filepath.Join(dir, "page.html")
	if o := mustRun(t, "report", runs, "--out", page); o.out != "" || !strings.Contains(o.err, page) {
		t.Errorf("printed %q and %q", o.out, o.err)
	}
	html := string(readFile(t, page))
	for _, w := range []string{"<svg", "CLIP-Adapter", "SaLS", "Zero-shot", "test", "train"} {
		if !strings.Contains(html, w) {
			t.Errorf("no %q in the page", w)
		}
	}
	if m := regexp.MustCompile(`(?:src|href)="(?:https?:)?//[^"]*"|@import|url\(`).FindString(html); m != "" {
		t.Errorf("the page fetches %s", m)
	}
	again := filepath.Join(dir, "again.html")
	mustRun(t, "report", runs, "--out", again)
	if string(readFile(t, again)) != html {
		t.Error("the same runs gave another page")
	}
	md := mustRun(t, "report", runs, "--format", "md").out
	if !strings.HasPrefix(md, "|") || !strings.Contains(md, "±") {
		t.Errorf("Markdown without a table or a spread:\n%s", md)
	}
	rows, err := csv.NewReader(strings.NewReader(mustRun(t, "report", runs, "--format", "csv").out)).ReadAll()
	if err != nil || len(rows) < 4 {
		t.Errorf("csv of %d rows: %v", len(rows), err)
	}
	if text := mustRun(t, "report", runs, "--format", "text").out; !strings.Contains(text, "+ SaLS") {
		t.Errorf("text:\n%s", text)
	}
	var all []map[string]any
	if err := json.Unmarshal([]byte(mustRun(t, "report", runs, "--json").out), &all); err != nil || len(all) != 2+8 {
		t.Errorf("json of %d runs: %v", len(all), err)
	}
	// A run alone is a run as well as a folder of runs.
	if one := mustRun(t, "report", filepath.Join(runs, "sals1"), "--format", "text").out; !strings.Contains(one,
		"SaLS") {
		t.Errorf("one run:\n%s", one)
	}
}

func TestReportTellsTheSourceFromDrift(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	home, drift := folderSet(t, filepath.Join(dir, "home"), 2, 2), folderSet(t, filepath.Join(dir, "drift"), 1, 2)
	split := filepath.Join(dir, "split_zhou_Home.json")
	splitFile(t, split, home, 2, 2)
	for i, spec := range []string{home, home + "/", home + "#train", split} {
		out := filepath.Join(dir, "run", fmt.Sprint(i))
		args := []string{"--image-root", home}
		mustRun(t, append([]string{"adapt", "taskres", "--weights", tinyModel(), "--data", spec, "--shots", "1",
			"--views", "-1", "--epochs", "2", "--out", out}, args...)...)
		o := mustRun(t, append([]string{"eval", out, "--data", strings.TrimSuffix(spec, "#train"), "--data", drift},
			args...)...)
		if !strings.Contains(mustRun(t, "report", out, "--json").out, `"source": true`) {
			t.Errorf("%s: none of the targets counts as the source", spec)
		}
		if strings.Contains(o.out, "average") {
			t.Errorf("%s: an average over one target of drift:\n%s", spec, o.out)
		}
	}
}

// A run on part of a target must not share a column, and least of all a
// zero-shot row, with one on all of it.
func TestReportKeepsPartsOfATargetApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, _ := featureFiles(t, dir)
	for each, name := range map[int]string{6: "all", 2: "part"} {
		c := makeClusters(4, each, 16, 0.3, 7)
		target := c.write(t, filepath.Join(dir, name, "target.safetensors"))
		out := filepath.Join(dir, "runs", name)
		mustRun(t, "adapt", "taskres", "--features", train, "--epochs", "2", "--out", out)
		mustRun(t, "eval", out, "--features", target)
	}
	var all []struct{ Method, Target string }
	if err := json.Unmarshal([]byte(mustRun(t, "report", filepath.Join(dir, "runs"), "--json").out), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range all {
		got[r.Method+" on "+r.Target]++
	}
	for _, want := range []string{"zero-shot on target", "taskres on target", "zero-shot on target, 8 pictures",
		"taskres on target, 8 pictures"} {
		if got[want] != 1 {
			t.Errorf("%d rows %q, want 1; all: %v", got[want], want, got)
		}
	}
}

func TestReportRefusesWhatIsNoRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs := evaluatedRuns(t, dir)
	page := filepath.Join(dir, "page.html")
	metrics := filepath.Join(runs, "none1", "targets", "test")
	raw := readFile(t, filepath.Join(metrics, "logits.npy"))
	empty := filepath.Join(dir, "empty")
	writeFile(t, filepath.Join(empty, "note.txt"), nil)
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"nothing there", []string{filepath.Join(dir, "absent")}, []string{"absent", "no such file"}},
		{"no run in it", []string{empty}, []string{empty, "no evaluated run"}},
		{"nothing named", nil, []string{"no run folder"}},
		{"format", []string{runs, "--format", "pdf"}, []string{"--format", "pdf", "html"}},
		{"bins", []string{runs, "--bins", "0"}, []string{"--bins"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			failsClean(t, dir, append([]string{"report", "--out", page}, c.args...), c.words...)
		})
	}
	writeFile(t, filepath.Join(metrics, "logits.npy"), raw[:len(raw)/2])
	failsClean(t, dir, []string{"report", runs, "--out", page}, "logits.npy", "test")
	writeFile(t, filepath.Join(metrics, "logits.npy"), raw)
	writeFile(t, filepath.Join(runs, "none1", "recipe.yaml"), []byte("method: [\n"))
	failsClean(t, dir, []string{"report", runs, "--out", page}, "recipe.yaml")
}

// A validation fold is said apart, and calibrates sets; what remedies change is
// said with intervals.
func TestReportSaysFoldsIntervalsAndSets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run, root := withFold(t, "taskres", 4)
	mustRun(t, "eval", run, "--data", root, "-q")
	page := filepath.Join(dir, "page.html")
	mustRun(t, "report", run, "--out", page, "--coverage", "0.8")
	html := string(readFile(t, page))
	for _, w := range []string{"on one target and a validation fold", "every sample in one", "Sets of classes",
		"calibrated on 12 samples", "95 % interval", "form-open", "is a validation fold"} {
		if !strings.Contains(html, w) {
			t.Errorf("the page lacks %q", w)
		}
	}
	// Without a row that has no remedy there is nothing to compare.
	if strings.Contains(html, "Every remedy against none") {
		t.Error("differences to nothing")
	}
	csv := mustRun(t, "report", run, "--format", "csv").out
	for _, w := range []string{"conformal_coverage", "conformal_set_size", "wilson", "bootstrap", "low,high,interval"} {
		if !strings.Contains(csv, w) {
			t.Errorf("csv lacks %q", w)
		}
	}
	if text := mustRun(t, "report", run, "--format", "text").out; strings.Contains(text, "cover") {
		t.Errorf("text: %s", text)
	}
	if text := mustRun(t, "report", run, "--format", "text", "--coverage", "0.8").out; !strings.Contains(text,
		"cover") {
		t.Errorf("text with sets: %s", text)
	}
	runs := evaluatedRuns(t, dir)
	o := mustRun(t, "report", runs, "--format", "text")
	if !strings.Contains(o.err, "Remedies against none") {
		t.Errorf("notes %s", o.err)
	}
	if o := mustRun(t, "report", runs, "--format", "csv", "--draws", "0"); strings.Contains(o.out, "bootstrap") ||
		strings.Contains(o.err, "Remedies") {
		t.Errorf("without draws: %s", o.err)
	}
	for _, args := range [][]string{{"--draws", "5"}, {"--coverage", "1"}} {
		if o := command(append([]string{"report", runs, "--format", "csv"}, args...)...); o.code != 2 {
			t.Errorf("%v: exit code %d", args, o.code)
		}
	}
}
