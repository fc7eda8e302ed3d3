package cli

import (
	"path/filepath"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/weights"
)

// twoModels is a file of two models without metadata, beside which lies a
// configuration that cannot be read, and the second of them by itself.
func twoModels(t *testing.T, dir string) (both, second string) {
	t.Helper()
	both = filepath.Join(dir, "two.safetensors")
	var all []weights.NamedTensor
	for seed, prefix := range []string{"model.", "ema."} {
		second = filepath.Join(dir, prefix+"pt")
		if err := cliptest.Write(second, cliptest.Tiny(), uint64(seed)); err != nil {
			t.Fatal(err)
		}
		f, err := weights.Open(second)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, name := range f.Names() {
			tensor, _ := f.Lookup(name)
			data, err := tensor.Float32()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, weights.NamedTensor{Name: prefix + name, Shape: tensor.Shape, Data: data})
		}
	}
	if err := weights.WriteSafetensors(both, all, nil); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "open_clip_config.json"), []byte("{"))
	return both, second
}

// Which of two models in a file is meant, and that nothing beside it is read,
// is asked once: the run keeps it. Features of one are never taken for those of
// the other.
func TestARunKeepsHowItsCheckpointIsOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	both, second := twoModels(t, dir)
	root, bank := folderSet(t, filepath.Join(t.TempDir(), "colours"), 2, 2), filepath.Join(dir, "bank")
	opened := []string{"--no-config", "--activation", "quickgelu", "--vision-heads", "2", "--text-heads", "2",
		"--preprocess", "openai"}
	picture := filepath.Join(root, "test", "grass", "00.png")
	for _, family := range [][]string{
		{"adapt", "taskres", "--shots", "2", "--epochs", "2", "--views", "-1"},
		{"adapt", "coop", "--vectors", "2", "--shots", "2", "--epochs", "1", "--views", "-1"},
		{"tta", "tpt", "--views", "4"},
	} {
		train := func(name, weights string, more ...string) string {
			out := filepath.Join(dir, family[1], name)
			mustRun(t, append(append(append([]string{}, family...), "--weights", weights, "--data", root, "--bank",
				bank, "--out", out), more...)...)
			return out
		}
		train("first", both, append(opened, "--prefix", "model.")...)
		got := train("second", both, append(opened, "--prefix", "ema.")...)
		want := train("alone", second, opened...)
		for _, run := range []string{got, want} {
			if family[0] != "tta" {
				mustRun(t, "eval", run, "--data", root, "--bank", bank)
			}
		}
		for _, name := range []string{"logits.npy", "zero_shot_logits.npy"} {
			a, b := readFile(t, filepath.Join(got, "targets", "colours", name)), readFile(t, filepath.Join(want,
				"targets", "colours", name))
			if string(a) != string(b) {
				t.Errorf("%s: %s of the second model is not that of its own file", family[1], name)
			}
		}
		a, b := mustRun(t, "predict", got, picture, "--json", "--top", "3"), mustRun(t, "predict", want, picture,
			"--json", "--top", "3")
		if a.out != b.out {
			t.Errorf("%s: predict says %s, of the model's own file %s", family[1], a.out, b.out)
		}
	}
}
