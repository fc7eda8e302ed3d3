package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What may be wrong with a set or its figures is told, quiet or not, and kept.
func TestDoubtsAreToldAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bank := filepath.Join(dir, "bank")
	root := classSet(t, filepath.Join(dir, "set"), map[string]int{"apple": 0, "Apple": 1, "red": 2}, 3)
	// One picture under two labels, by content.
	writeFile(t, filepath.Join(root, "red", "zz.png"), readFile(t, filepath.Join(root, "apple", "00.png")))
	target := classSet(t, filepath.Join(dir, "target"), map[string]int{"apple": 0, "Apple": 1, "red": 2}, 2)
	for _, name := range []string{"apple", "Apple", "red"} { // other names, and no training picture
		os.Rename(filepath.Join(target, name, "00.png"), filepath.Join(target, name, "x.png"))
		pixels := readFile(t, filepath.Join(root, name, "02.png"))
		writeFile(t, filepath.Join(target, name, "x.png"), append(pixels, 0))
		os.Remove(filepath.Join(target, name, "01.png"))
	}
	again := filepath.Join(dir, "again")
	if err := os.CopyFS(again, os.DirFS(target)); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "run")
	o := mustRun(t, "adapt", "taskres", "-q", "--weights", tinyModel(), "--bank", bank, "--data", root, "--shots", "0",
		"--epochs", "2", "--views", "-1", "--out", out)
	kept := string(readFile(t, filepath.Join(out, "doubts.txt")))
	for _, said := range []string{"unseen characters or Unicode form alone",
		"1 picture is there under another label too", "red/zz.png (red) is apple/00.png (apple)"} {
		if strings.Count(o.err, said) != 1 || !strings.Contains(kept, said) {
			t.Errorf("no %q in %s, or in doubts.txt: %s", said, o.err, kept)
		}
	}
	rows := csvRows(t, filepath.Join(out, "shots.csv"))
	if len(rows) != 10 || len(rows[0]["sha256"]) != 64 {
		t.Errorf("%v", rows)
	}
	// The training pictures as a target, whole and in part.
	o = mustRun(t, "eval", out, "-q", "--json", "--bank", bank, "--data", root)
	var printed []struct{ Doubts []string }
	if err := json.Unmarshal([]byte(o.out), &printed); err != nil || len(printed) != 1 {
		t.Fatalf("%v: %s", err, o.out)
	}
	metrics := string(readFile(t, filepath.Join(out, "targets", "set", "metrics.json")))
	for _, text := range []string{o.err, strings.Join(printed[0].Doubts, "\n"), metrics} {
		if !strings.Contains(text, "10 of its 10 pictures are among those that the run learned from") {
			t.Errorf("nothing of the training pictures in %s", text)
		}
	}
	// Two names for one target, and neither is of the training.
	o = mustRun(t, "eval", out, "-q", "--bank", bank, "--data", target, "--data", again)
	if !strings.Contains(o.err, "hold the same pictures: one target under two names") ||
		strings.Contains(o.err, "learned from") {
		t.Error(o.err)
	}
	o = mustRun(t, "eval", out, "-q", "--bank", bank, "--data", target, "--data", target)
	if strings.Contains(o.err, "one target under two names") {
		t.Error(o.err)
	}
	// Names of a file that are there twice.
	o = mustRun(t, "zeroshot", "-q", "--weights", tinyModel(), "--bank", bank, "--data", target, "--class-names",
		writeNames(t, "Apple fruit", "apple fruit", "red colour"))
	if !strings.Contains(o.err, `2 classes are called "fruit"`) {
		t.Error(o.err)
	}
	// What is well is not doubted.
	well := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	good := filepath.Join(dir, "good")
	o = mustRun(t, "adapt", "taskres", "-q", "--weights", tinyModel(), "--bank", bank, "--data", well, "--shots", "2",
		"--epochs", "2", "--out", good, "--targets", well)
	if _, err := os.Stat(filepath.Join(good, "doubts.txt")); err == nil || strings.Contains(o.err, "note:") {
		t.Error(o.err)
	}
}
