package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// With --json standard output is JSON and nothing else, and without it
// commands that only write files print nothing there.
func TestJSONAloneGoesToStandardOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	train, test := featureFiles(t, dir)
	table, recipe := pretrainInputs(t, dir)
	l, _, y := logitFiles(t, dir, 20, 3)
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args  []string
		files bool // without --json nothing is printed
	}{
		{[]string{"inspect", tinyModel()}, false},
		{[]string{"convert", tinyModel(), in("c.safetensors")}, true},
		{[]string{"encode", "--weights", tinyModel(), "--images", root, "--out", in("i.npy")}, true},
		{[]string{"zeroshot", "--weights", tinyModel(), "--data", root}, false},
		{[]string{"adapt", "taskres", "--weights", tinyModel(), "--data", root, "--shots", "1", "--epochs", "2",
			"--out", in("run-data")}, true},
		{[]string{"eval", in("run-data"), "--data", root}, false},
		{[]string{"adapt", "zslp", "--features", train, "--epochs", "2", "--out", in("run")}, true},
		{[]string{"eval", in("run"), "--features", test, "--out", in("to")}, false},
		{[]string{"calibrate", "--logits", l, "--labels", y}, false},
		{[]string{"report", in("run-data"), "--out", in("r.html")}, true},
		{[]string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "2", "--keep", "0.5", "--out",
			in("tta")}, false},
		{[]string{"pretrain", "--data", table, "--recipe", recipe, "--steps", "1", "--out", in("w.pt")}, true},
		{[]string{"doctor"}, false},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			plain := mustRun(t, c.args...)
			if c.files != (plain.out == "") {
				t.Errorf("without --json: %q", plain.out)
			}
			o := mustRun(t, append(c.args, "--json")...)
			var v any
			d := json.NewDecoder(strings.NewReader(o.out))
			if err := d.Decode(&v); err != nil || d.More() {
				t.Errorf("with --json: %v in %q", err, o.out)
			}
			if quiet := mustRun(t, append(c.args, "-q")...); quiet.err != "" {
				t.Errorf("with --quiet: %q", quiet.err)
			}
		})
	}
	if _, err := os.Stat(in("r.html")); err != nil {
		t.Error(err)
	}
}
