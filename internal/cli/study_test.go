package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAStudyOfOnesOwnTask(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folderSet(t, filepath.Join(dir, "set"), 5, 3)
	folderSet(t, filepath.Join(dir, "more"), 1, 4)
	if err := os.Rename(filepath.Join(dir, "more", "test"), filepath.Join(dir, "set", "val")); err != nil {
		t.Fatal(err)
	}
	other := folderSet(t, filepath.Join(dir, "other"), 4, 3)
	out, page := filepath.Join(dir, "out"), filepath.Join(dir, "docs", "OWN.md")
	args := []string{"study", "--weights", tinyModel(), "--activation", "gelu", "--data", filepath.Join(dir, "set"),
		"--targets", other, "--shots", "2", "--seeds", "1,0,0", "--only", "taskres,penalty", "--draws", "20",
		"--bank", filepath.Join(dir, "bank"), "--out", out, "--write", page}
	if o := command(append(args, "--dry-run")...); o.code != 0 || !strings.Contains(o.out, "study/own-adapters") ||
		!strings.Contains(o.out, "2 runs") {
		t.Fatalf("dry run: exit code %d: %s%s", o.code, o.out, o.err)
	}
	mustRun(t, args...)
	first, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| taskres | none | 1 |", "| taskres | sals | 1 |", "| taskres | penalty+sals | 1 |",
		"the protocol has 10: fewer were run", "| zero-shot | none | 1 |"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("the page lacks %q:\n%s", want, first)
		}
	}
	before := listing(t, filepath.Join(out, "runs"))
	mustRun(t, args...)
	if again, err := os.ReadFile(page); err != nil || string(again) != string(first) {
		t.Errorf("made again the page is another: %v", err)
	}
	mustRun(t, append(args, "--as-is")...)
	if again, err := os.ReadFile(page); err != nil || string(again) != string(first) {
		t.Errorf("made of what is there the page is another: %v\n%s", err, again)
	}
	if after := listing(t, filepath.Join(out, "runs")); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Error("runs that were there were made again")
	}
}

func TestAStudyRefuses(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	for want, args := range map[string][]string{
		"--out":                      {},
		"three numbers":              {"--out", out, "--seeds", "3"},
		"known are emoji":            {"--out", out, "--only", "taskress"},
		"--targets is missing":       {"--out", out, "--weights", tinyModel(), "--data", out},
		"--weights and --data go to": {"--out", out, "--data", out},
		"for a task of one's own":    {"--out", out, "--targets", out},
	} {
		if o := command(append([]string{"study"}, args...)...); o.code != 2 || !strings.Contains(o.err, want) {
			t.Errorf("%v: exit code %d: %s", args, o.code, o.err)
		}
	}
}

// Means over other samples are not compared: pictures that could not be read, and
// runs that were measured before some of them were taken out.
func TestAStudyOfOtherSamplesIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := folderSet(t, filepath.Join(dir, "set"), 5, 3)
	folderSet(t, filepath.Join(dir, "more"), 1, 4)
	if err := os.Rename(filepath.Join(dir, "more", "test"), filepath.Join(set, "val")); err != nil {
		t.Fatal(err)
	}
	other := folderSet(t, filepath.Join(dir, "other"), 4, 3)
	out := filepath.Join(dir, "out")
	study := func(remedy string, more ...string) []string {
		return append([]string{"study", "--weights", tinyModel(), "--activation", "gelu", "--data", set, "--targets",
			other, "--shots", "2", "--seeds", "1,0,0", "--only", "taskres," + remedy, "--draws", "20", "--bank",
			filepath.Join(dir, "bank"), "--out", out}, more...)
	}
	mustRun(t, study("none")...)
	pictures, err := filepath.Glob(filepath.Join(other, "test", "*", "00.png"))
	if err != nil || len(pictures) < 2 {
		t.Fatal(pictures, err)
	}
	whole, err := os.ReadFile(pictures[0])
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, pictures[0], whole[:40])
	n := 3 * len(pictures)
	lacks := []string{"other", fmt.Sprintf("is of %d samples", n-1), fmt.Sprintf("has %d", n), "00.png"}
	fails(t, study("none,penalty"), lacks...)
	fails(t, study("none,penalty", "--as-is"), lacks...)
	// The picture is taken out, and what lacks it is measured again: the other row has it still.
	if err := os.Remove(pictures[0]); err != nil {
		t.Fatal(err)
	}
	damaged, err := filepath.Glob(filepath.Join(out, "runs", "own-adapters", "*", "targets", "other-*"))
	if err != nil || len(damaged) == 0 {
		t.Fatal(damaged, err)
	}
	again, err := filepath.Glob(filepath.Join(out, "runs", "own-adapters", "taskres-penalty-*"))
	if err != nil || len(again) != 1 {
		t.Fatal(again, err)
	}
	damaged = append(damaged, filepath.Join(again[0], "targets", "other"))
	for _, d := range damaged {
		if err := os.RemoveAll(d); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "eval", again[0], "--data", other, "--bank", filepath.Join(dir, "bank"), "--activation", "gelu")
	fails(t, study("none,penalty", "--as-is"), "same samples", fmt.Sprintf("%d samples of %s", n-1, other),
		fmt.Sprintf(" of %d", n))
}
