package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/internal/npy"
)

// splitFile writes a CoOp split file for the pictures of a folder set.
func splitFile(t *testing.T, path, images string, train, test int) {
	t.Helper()
	splits := map[string][][]any{}
	for k, c := range colours {
		for i := range train {
			splits["train"] = append(splits["train"], []any{fmt.Sprintf("train/%s/%02d.png", c.name, i), k, c.name})
		}
		for i := range test {
			splits["test"] = append(splits["test"], []any{fmt.Sprintf("test/%s/%02d.png", c.name, i), k, c.name})
		}
	}
	text, err := json.Marshal(splits)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, text)
}

func TestFolderSplitFileAndListGiveTheSameRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 4, 3)
	split := filepath.Join(dir, "split_zhou_Colours.json")
	splitFile(t, split, root, 4, 3)
	var list strings.Builder
	for k, c := range colours {
		for i := range 4 {
			fmt.Fprintf(&list, "train/%s/%02d.png\t%d\t%s\n", c.name, i, k, c.name)
		}
	}
	tsv := filepath.Join(root, "list.tsv")
	writeFile(t, tsv, []byte(list.String()))
	var parameters []string
	for name, spec := range map[string][]string{
		"folder": {root}, "part": {root + "#train"}, "below": {filepath.Join(root, "train")},
		"split": {split, "--image-root", root}, "list": {tsv},
	} {
		out := filepath.Join(dir, "run-"+name)
		mustRun(t, append([]string{"adapt", "clip-adapter", "--weights", tinyModel(), "--shots", "2", "--seed", "2",
			"--views", "-1", "--epochs", "3", "--out", out, "--data"}, spec...)...)
		parameters = append(parameters, string(readFile(t, filepath.Join(out, "adapter.safetensors"))))
		var classes []struct {
			Name    string
			Prompts []string
		}
		if err := json.Unmarshal(readFile(t, filepath.Join(out, "classes.json")), &classes); err != nil {
			t.Fatal(err)
		}
		if len(classes) != 3 || classes[0].Name != "blue sky" || classes[0].Prompts[0] != "a photo of a blue sky." {
			t.Errorf("%s: classes %v", name, classes)
		}
	}
	for _, p := range parameters[1:] {
		if p != parameters[0] {
			t.Error("the same pictures in another layout gave other parameters")
		}
	}
}

func TestEvalMatchesClassesByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 3)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "2", "--views", "-1",
		"--epochs", "5", "--out", out)
	// Two of the three classes, in the other order, written otherwise.
	var list strings.Builder
	for label, k := range []int{2, 0} {
		for i := range 3 {
			fmt.Fprintf(&list, "test/%s/%02d.png\t%d\t%s\n", colours[k].name, i, label,
				strings.ToUpper(colours[k].name))
		}
	}
	tsv := filepath.Join(root, "two.tsv")
	writeFile(t, tsv, []byte(list.String()))
	o := mustRun(t, "eval", out, "--data", root, tsv)
	for _, w := range []string{"colours", "two", "TaskRes"} {
		if !strings.Contains(o.out, w) {
			t.Errorf("no %q in\n%s", w, o.out)
		}
	}
	n, k, two, err := npy.ReadMatrix(filepath.Join(out, "targets", "two", "logits.npy"))
	if err != nil || n != 6 || k != 2 {
		t.Fatalf("[%d, %d], %v", n, k, err)
	}
	_, _, all, err := npy.ReadMatrix(filepath.Join(out, "targets", "colours", "logits.npy"))
	if err != nil {
		t.Fatal(err)
	}
	// Rows 6 to 8 of the whole set are the roses, 0 to 2 the skies.
	for i, from := range []int{6, 7, 8, 0, 1, 2} {
		for j, class := range []int{2, 0} {
			got, want := two[2*i+j], all[3*from+class]
			if d := got - want; d > 1e-3 || d < -1e-3 {
				t.Errorf("row %d, class %s: %g, in the whole set %g", i, colours[class].name, got, want)
			}
		}
	}
	writeFile(t, filepath.Join(root, "odd.tsv"), []byte("test/grass/00.png\tmoss\n"))
	fails(t, []string{"eval", out, "--data", filepath.Join(root, "odd.tsv")}, "odd", "moss")
}

func TestZeroshotKeepsLogitsAndSaysItsMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 4)
	out := filepath.Join(dir, "zs")
	o := mustRun(t, "zeroshot", "--weights", tinyModel(), "--data", root, "--json", "--out", out)
	printed := metricsIn(t, []byte(o.out))
	if kept := metricsIn(t, readFile(t, filepath.Join(out, "metrics.json"))); fmt.Sprint(kept) != fmt.Sprint(printed) {
		t.Errorf("printed %v, kept %v", printed, kept)
	}
	o = mustRun(t, "calibrate", "--logits", filepath.Join(out, "logits.npy"), "--labels",
		filepath.Join(out, "labels.npy"), "--json")
	if again := metricsIn(t, []byte(o.out)); fmt.Sprint(again) != fmt.Sprint(printed) {
		t.Errorf("zeroshot says %v, calibrate of its logits %v", printed, again)
	}
	// The same features from the bank, other prompts.
	o = mustRun(t, "zeroshot", "--weights", tinyModel(), "--data", root, "--template", "a drawing of {}", "--template",
		"{} again", "--json")
	if other := metricsIn(t, []byte(o.out)); fmt.Sprint(other) == fmt.Sprint(printed) {
		t.Error("other templates gave the same metrics")
	}
	if !strings.Contains(o.err, "from the bank") {
		t.Errorf("the pictures were encoded again: %s", o.err)
	}
}

func TestUnreadablePicturesAreNamedCountedAndLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 3, 4)
	writeFile(t, filepath.Join(root, "test", "grass", "01.png"), nil)
	writeFile(t, filepath.Join(root, "test", "red_rose", "02.png"), []byte("\x89PNG\r\n\x1a\nnot really"))
	out := filepath.Join(dir, "zs")
	args := []string{"zeroshot", "--weights", tinyModel(), "--data", root, "--out", out}
	o := partly(t, args...)
	for _, w := range []string{"grass/01.png", "red_rose/02.png", "2 of 12 pictures"} {
		if !strings.Contains(o.err, w) {
			t.Errorf("no %q in %s", w, o.err)
		}
	}
	labels, err := npy.ReadLabels(filepath.Join(out, "labels.npy"))
	if err != nil || fmt.Sprint(labels) != "[0 0 0 0 1 1 1 2 2 2]" {
		t.Errorf("labels %v, %v", labels, err)
	}
	fails(t, append(args, "--strict"), "01.png")
}

func TestEvalKeepsTheTestPartBesideAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 3, 2)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "2", "--views", "-1",
		"--epochs", "2", "--out", out)
	mustRun(t, "eval", out, "--data", root)
	mustRun(t, "eval", out, "--data", root+"#train")
	for name, rows := range map[string]int{"colours": 6, "colours-train": 9} {
		if n, _, _, err := npy.ReadMatrix(filepath.Join(out, "targets", name, "logits.npy")); err != nil || n != rows {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
	other := filepath.Join(dir, "other.pt")
	if err := cliptest.Write(other, cliptest.Tiny(), 7); err != nil {
		t.Fatal(err)
	}
	failsClean(t, dir, []string{"eval", out, "--weights", other, "--data", root}, other, "not the model of the run")
	failsClean(t, dir, []string{"eval", out, "--data", root, filepath.Join(dir, "absent")}, "absent", "no such file")
	failsClean(t, dir, []string{"eval", out, "--data", root, "--out", filepath.Join(dir, "to")}, "--out", "--features")
}
