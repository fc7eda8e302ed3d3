package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A list of classes or a model.yaml that is not the run's own is refused by
// every command that uses the run, though the adapter would fit it.
func TestSwappedFilesOfARunAreRefused(t *testing.T) {
	t.Parallel()
	good, root := trained(t, "taskres")
	prompts, _ := trained(t, "coop", "--vectors", "2")
	other, _ := trained(t, "taskres", "--class-names", writeNames(t, "blue_sky rose", "grass sky", "red_rose grass"))
	train, test := featureFiles(t, t.TempDir())
	ofFeatures := filepath.Join(t.TempDir(), "run")
	mustRun(t, "adapt", "zslp", "--features", train, "--epochs", "2", "--out", ofFeatures)
	picture := filepath.Join(root, "test", "grass", "00.png")
	copied := func(from string, change func(dir string)) string {
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		change(dir)
		return dir
	}
	swapped := func(name string) func(string) {
		return func(dir string) { writeFile(t, filepath.Join(dir, name), readFile(t, filepath.Join(other, name))) }
	}
	edited := func(name, from, to string) func(string) {
		return func(dir string) {
			path := filepath.Join(dir, name)
			text := readFile(t, path)
			if !bytes.Contains(text, []byte(from)) {
				t.Fatalf("%s holds no %q", name, from)
			}
			writeFile(t, path, bytes.Replace(text, []byte(from), []byte(to), 1))
		}
	}
	uses := func(dir string) [][]string {
		return [][]string{
			{"predict", dir, picture}, {"serve", dir, "--addr", "127.0.0.1:0"}, {"convert", dir, t.TempDir()},
			{"eval", dir, "--data", root}, {"eval", dir, good, "--data", root},
		}
	}
	for name, c := range map[string]struct {
		from   string
		change func(dir string)
		file   string
		uses   func(dir string) [][]string
	}{
		"classes of another run": {good, swapped("classes.json"), "classes.json", uses},
		"a class renamed":        {good, edited("classes.json", "grass", "glass"), "classes.json", uses},
		"another scale":          {good, edited("model.yaml", "logit_scale: ", "logit_scale: 1"), "model.yaml", uses},
		"a class of prompts":     {prompts, edited("classes.json", "grass", "glass"), "classes.json", uses},
		"classes of another, dac": {prompts, swapped("classes.json"), "classes.json", func(dir string) [][]string {
			return [][]string{{"eval", dir, "--data", root, "--remedy", "dac"}}
		}},
		"a run on features": {ofFeatures, edited("model.yaml", "logit_scale: ", "logit_scale: 1"), "model.yaml",
			func(dir string) [][]string {
				return [][]string{{"eval", dir, "--features", test}, {"convert", dir, t.TempDir()}}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(c.from, c.change)
			for _, args := range c.uses(dir) {
				o := command(args...)
				if o.code != 1 || !strings.Contains(o.err, filepath.Join(dir, c.file)+" is damaged") {
					t.Errorf("%s: exit code %d: %s", strings.Join(args, " "), o.code, o.err)
				}
			}
		})
	}
}

// writeNames is a file of lines.
func writeNames(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "names.txt")
	writeFile(t, path, []byte(strings.Join(lines, "\n")+"\n"))
	return path
}
