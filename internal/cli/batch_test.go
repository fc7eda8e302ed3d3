package cli

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/engine"
)

func TestAutomaticBatchOnTheProcessorIsTheDefault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 3 {
		writePNG(t, filepath.Join(dir, "in", string(rune('a'+i))+".png"), picture(i%3, i))
	}
	encode := func(name string, more ...string) []byte {
		out := filepath.Join(dir, name)
		o := mustRun(t, append([]string{"encode", "--weights", tinyModel(), "--out", out, "--images",
			filepath.Join(dir, "in")}, more...)...)
		if said := strings.Contains(o.err, "32 pictures at a time"); said != (name == "auto.npy") {
			t.Errorf("%s: %s", name, o.err)
		}
		return readFile(t, out)
	}
	plain := encode("plain.npy")
	for name, value := range map[string]string{"auto.npy": "auto", "zero.npy": "0"} {
		if string(encode(name, "--batch", value)) != string(plain) {
			t.Errorf("--batch %s gives other bytes", value)
		}
	}
	for _, bad := range []string{"-1", "many", "1.5", ""} {
		fails(t, []string{"encode", "--weights", tinyModel(), "--out", filepath.Join(dir, "x.npy"), "--images", dir,
			"--batch", bad}, "--batch", "auto")
	}
	fails(t, []string{"zeroshot", "--weights", tinyModel(), "--data", dir, "--batch-images", "-3"}, "--batch-images",
		"auto")
}

// TestRecipeTellsTheImageBatch wants it told, and a run with another batch to
// be the same run.
func TestRecipeTellsTheImageBatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, out := folderSet(t, filepath.Join(dir, "data"), 4, 3), filepath.Join(dir, "run")
	adapt := func(batch string) outcome {
		return mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", data, "--shots", "2", "--views", "-1",
			"--epochs", "2",
			"--bank", filepath.Join(dir, "bank"), "--batch-images", batch, "--out", out)
	}
	adapt("3")
	if recipe := string(readFile(t, filepath.Join(out, "recipe.yaml"))); !strings.Contains(recipe,
		"batch_images: 3\n") {
		t.Errorf("no batch in the recipe:\n%s", recipe)
	}
	if o := adapt("auto"); !strings.Contains(o.err, "holds this run already") {
		t.Errorf("trained again: %s", o.err)
	}
}

// TestErrorsOfMemoryNameAFlagOfTheCommand goes through what there may be too
// much of.
func TestErrorsOfMemoryNameAFlagOfTheCommand(t *testing.T) {
	t.Parallel()
	whole := &engine.OutOfMemory{Device: "GPU", Need: 1000, Free: 500, Bound: 800, Whole: true}
	part := &engine.OutOfMemory{Device: "GPU", Need: 1000, Free: 500, Bound: 800}
	for _, c := range []struct {
		command string
		err     error
		want    string
	}{
		{"encode", engine.NameFit(whole, engine.Images, 64), "use --batch 28"},
		{"encode", engine.NameFit(part, engine.Images, 64), "use a smaller --batch"},
		{"tta", engine.NameFit(whole, engine.Images, 64), "use --batch-images 28"},
		{"adapt", engine.NameFit(whole, engine.Images, 64), "use --batch-images 28"},
		{"adapt", engine.NameFit(whole, engine.Samples, 64), "use --batch 28"},
		{"tta", engine.NameFit(whole, engine.TrieNodes, 64), "fewer classes"},
		{"encode", whole, "smaller batch, or --device cpu"},
	} {
		cmd, _, err := newRoot(io.Discard, io.Discard).Find([]string{c.command})
		if err != nil {
			t.Fatal(err)
		}
		got := withFlag(c.err, cmd)
		if !strings.Contains(got.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", c.command, got, c.want)
		}
		if !errors.Is(got, c.err) {
			t.Errorf("%s: the cause is lost", c.command)
		}
	}
	other := errors.New("something else")
	if cmd, _, _ := newRoot(io.Discard, io.Discard).Find([]string{"encode"}); withFlag(other, cmd) != other {
		t.Error("an error that has nothing to do with memory changes")
	}
}
