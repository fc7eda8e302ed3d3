package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/weights"
)

func TestInspectSaysWhatACheckpointIs(t *testing.T) {
	t.Parallel()
	o := mustRun(t, "inspect", tinyModel(), "--tensors")
	for _, w := range []string{"sha256", "PyTorch", "ViT-", "embedding 12", "vocabulary 49408", "quick_gelu",
		"visual.conv1.weight", "[16 3 8 8]", "logit scale   100"} {
		if !strings.Contains(o.out, w) {
			t.Errorf("no %q in\n%s", w, o.out)
		}
	}
	if o.err != "" {
		t.Errorf("on standard error: %s", o.err)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(mustRun(t, "inspect", tinyModel(), "--json").out), &v); err != nil {
		t.Error(err)
	}
}

func TestInspectShowsFilesThatAreNoModel(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "other.safetensors")
	tensors := []weights.NamedTensor{{Name: "x", Shape: []int{2, 3}, Data: make([]float32, 6)}}
	if err := weights.WriteSafetensors(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	o := command("inspect", path)
	if o.code != 1 || !strings.Contains(o.err, "no command could use it") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	if !strings.Contains(o.out, "not a CLIP model") || strings.Contains(o.out, "PANIC") {
		t.Errorf("printed %s", o.out)
	}
	fails(t, []string{"zeroshot", "--weights", path, "--data", folderSet(t, filepath.Join(t.TempDir(), "d"), 1, 1)},
		path, "visual.conv1.weight")
}

// A model through every format and every layout gives the same features.
func TestConvertKeepsTheModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	texts := filepath.Join(dir, "prompts.txt")
	writeFile(t, texts, []byte("a photo of a dog.\nsomething else\n"))
	encode := func(model string) string {
		out := filepath.Join(dir, "f.npy")
		mustRun(t, "encode", "--weights", model, "--texts", texts, "--out", out, "--vision-heads", "2", "--text-heads",
			"2", "--activation", "quickgelu")
		return string(readFile(t, out))
	}
	want := encode(tinyModel())
	from := tinyModel()
	for i, to := range []string{"a.safetensors", "b.pt", "c.safetensors", "d.pt"} {
		args := []string{"convert", from, filepath.Join(dir, to), "--vision-heads", "2", "--text-heads", "2"}
		switch i {
		case 2:
			args = append(args, "--layout", "huggingface")
		case 3:
			args = append(args, "--layout", "openai", "--deflate")
		}
		mustRun(t, args...)
		from = filepath.Join(dir, to)
		if got := encode(from); got != want {
			t.Errorf("%s: other features", to)
		}
	}
	half := filepath.Join(dir, "half.safetensors")
	mustRun(t, "convert", tinyModel(), half, "--dtype", "fp16")
	if o := mustRun(t, "inspect", half); !strings.Contains(o.out, "float16") || strings.Contains(o.out, "float32") {
		t.Errorf("after --dtype fp16:\n%s", o.out)
	}
}

func TestConvertTwiceGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, ext := range []string{".pt", ".safetensors"} {
		a, b := filepath.Join(dir, "a"+ext), filepath.Join(dir, "b"+ext)
		mustRun(t, "convert", tinyModel(), a)
		mustRun(t, "convert", tinyModel(), b)
		if string(readFile(t, a)) != string(readFile(t, b)) {
			t.Errorf("two conversions to %s differ", ext)
		}
	}
}

func TestConvertRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := filepath.Join(dir, "m.pt")
	if err := cliptest.Write(m, cliptest.Tiny(), 2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"no output", []string{m}, []string{"TO is missing"}},
		{"unknown suffix", []string{m, filepath.Join(dir, "x.onnx")}, []string{"x.onnx", ".safetensors", ".pt"}},
		{"layout", []string{m, filepath.Join(dir, "x.pt"), "--layout", "keras"},
			[]string{"--layout", "keras", "huggingface"}},
		{"type", []string{m, filepath.Join(dir, "x.pt"), "--dtype", "int4"}, []string{"--dtype", "int4", "fp16"}},
		{"onto itself", []string{m, m}, []string{m}},
		{"no such file", []string{filepath.Join(dir, "absent.pt"), filepath.Join(dir, "x.pt")},
			[]string{"absent.pt", "no such file"}},
		{"folder without weights", []string{t.TempDir(), filepath.Join(dir, "x.pt")},
			[]string{"folder without weights"}},
		{"output below a file", []string{m, filepath.Join(m, "x.pt")}, []string{"x.pt", "not a directory"}},
		{"heads that do not divide", []string{m, filepath.Join(dir, "x.pt"), "--layout", "huggingface",
			"--vision-heads", "5"}, []string{"5", "16"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			failsClean(t, dir, append([]string{"convert"}, c.args...), c.words...)
		})
	}
}

func TestAnOutputThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	writeFile(t, blocked, []byte("in the way"))
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	texts := filepath.Join(dir, "p.txt")
	writeFile(t, texts, []byte("a dog\n"))
	train, test := featureFiles(t, dir)
	done := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--features", train, "--epochs", "2", "--out", done)
	mustRun(t, "eval", done, "--features", test)
	for i, args := range [][]string{
		{"encode", "--weights", tinyModel(), "--texts", texts, "--out", filepath.Join(blocked, "x.npy")},
		{"encode", "--weights", tinyModel(), "--images", root, "--out", filepath.Join(blocked, "x.safetensors")},
		{"zeroshot", "--weights", tinyModel(), "--data", root, "--out", filepath.Join(blocked, "x")},
		{"adapt", "taskres", "--features", train, "--epochs", "2", "--out", filepath.Join(blocked, "x")},
		{"adapt", "taskres", "--features", train, "--epochs", "2", "--out", blocked},
		{"adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "1", "--out", filepath.Join(blocked,
			"x")},
		{"adapt", "coop", "--weights", tinyModel(), "--data", root, "--shots", "1", "--out", filepath.Join(blocked,
			"x")},
		{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--out", filepath.Join(blocked, "x")},
		{"eval", done, "--features", test, "--out", filepath.Join(blocked, "x")},
		{"report", done, "--out", filepath.Join(blocked, "x.html")},
		{"zeroshot", "--weights", tinyModel(), "--data", root, "--bank", blocked},
	} {
		t.Run(fmt.Sprint(i, args[0]), func(t *testing.T) {
			failsClean(t, dir, args, blocked, "not a directory")
		})
	}
	folder := filepath.Join(dir, "taken.npy")
	writeFile(t, filepath.Join(folder, "x"), nil)
	failsClean(t, dir, []string{"encode", "--weights", tinyModel(), "--texts", texts, "--out", folder}, folder,
		"a folder")
}
