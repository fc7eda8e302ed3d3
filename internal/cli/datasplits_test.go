package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/data/miniature"
)

func TestDataSplitsWritesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if _, err := miniature.Write(root, miniature.Options{Sets: []string{"EuroSAT", "Caltech101", "ImageNetA"},
		Classes: 100, NoSplits: true, Size: 8}); err != nil {
		t.Fatal(err)
	}
	o := mustRun(t, "data", "splits", root)
	file := filepath.Join(root, "eurosat", "split_zhou_EuroSAT.json")
	for _, want := range []string{"EuroSAT: written " + file, "not CoOp's", "Caltech101: written"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	before := readFile(t, file)
	o = mustRun(t, "data", "splits", root, "--seed", "7", "--json")
	if !strings.Contains(o.out, `"there"`) || string(readFile(t, file)) != string(before) {
		t.Errorf("a split file that was there was changed: %s", o.out)
	}
	// What is written is read: 9 pictures of each of 10 classes, half of them to train.
	o = mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", filepath.Join(root, "eurosat"), "--shots",
		"2", "--views", "-1", "--epochs", "1", "--out", filepath.Join(root, "run"))
	if !strings.Contains(o.err, "20 pictures read of 20 drawn from 40") {
		t.Errorf("%s", o.err)
	}
	if err := os.Mkdir(filepath.Join(root, "ucf101"), 0o755); err != nil {
		t.Fatal(err)
	}
	o = command("data", "splits", root)
	if o.code != 1 || !strings.Contains(o.out, "UCF101: failed") || !strings.Contains(o.out, "classInd.txt") {
		t.Errorf("exit code %d: %s%s", o.code, o.out, o.err)
	}
	fails(t, []string{"data", "splits", root, "--only", "ImageNetA"}, "no split file")
	fails(t, []string{"data", "splits", t.TempDir()}, "no set that has a split file")
}
