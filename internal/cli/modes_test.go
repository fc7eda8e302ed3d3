package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/exitcode"
)

// A flag that a command passes over in the way it is used is misuse, by name.
func TestFlagsWithoutUseAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	taskres, root := trained(t, "taskres")
	coop, _ := trained(t, "coop", "--vectors", "2")
	ofFeatures := filepath.Join(dir, "run")
	mustRun(t, "adapt", "zslp", "--features", train, "--epochs", "2", "--out", ofFeatures)
	mustRun(t, "eval", ofFeatures, "--features", test)
	checkpoints := filepath.Join(dir, "for-dassl")
	mustRun(t, "convert", coop, checkpoints)
	found, err := filepath.Glob(filepath.Join(checkpoints, "*", "model.pth.tar-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	prompts, err := filepath.Glob(filepath.Join(root, "test", "*", "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	l, y := filepath.Join(ofFeatures, "targets"), ""
	logits, err := filepath.Glob(filepath.Join(l, "*", "logits.npy"))
	if err != nil || len(logits) != 1 {
		t.Fatalf("%v, %v", logits, err)
	}
	l, y = logits[0], filepath.Join(filepath.Dir(logits[0]), "labels.npy")
	texts := writeNames(t, "a cat", "a dog")
	out := filepath.Join(dir, "out")
	for _, c := range []struct{ args, flag string }{
		{"adapt zslp --features " + train + " --out " + out + " --shots 4", "shots"},
		{"adapt zslp --features " + train + " --out " + out + " --template {}", "template"},
		{"adapt zslp --features " + train + " --out " + out + " --bank x", "bank"},
		{"adapt zslp --weights w.pt --data " + root + " --out " + out + " --shots 0 --repeat", "repeat"},
		{"eval " + ofFeatures + " --features " + test + " --strict", "strict"},
		{"eval " + ofFeatures + " --features " + test + " --neighbours 2", "neighbours"},
		{"eval " + ofFeatures + " --features " + test + " --method zslp", "method"},
		{"eval " + taskres + " --data " + root + " --out " + out, "out"},
		{"eval " + taskres + " --data " + root + " --set alpha=1", "set"},
		{"eval " + taskres + " " + coop + " --data " + root + " --out " + out, "out"},
		{"eval " + found[0] + " --weights w.pt --data " + root + " --out " + out + " --neighbours 2", "neighbours"},
		{"tta tpt --weights w.pt --data " + root + " --out " + out + " --template {}", "template"},
		{"convert " + taskres + " " + out + " --prefix ema.", "prefix"},
		{"convert " + taskres + " " + out + " --dtype fp16", "dtype"},
		{"convert " + tinyModel() + " " + out + ".safetensors --deflate", "deflate"},
		{"encode --weights w.pt --texts " + texts + " --out " + out + ".npy --strict", "strict"},
		{"encode --weights w.pt --images " + prompts[0] + " --out " + out + ".npy --truncate", "truncate"},
		{"calibrate --logits " + l + " --labels " + y + " --neighbours 2", "neighbours"},
		{"calibrate --logits " + l + " --labels " + y + " --draws 0 --level 0.9", "level"},
		{"conformal --logits " + l + " --labels " + y + " --splits 2 --epsilon 2", "epsilon"},
		{"conformal --logits " + l + " --labels " + y + " --splits 2 --score lac --k 2", "k"},
		{"conformal --logits " + l + " --cal-logits " + l + " --cal-labels " + y + " --cal-fraction 0.3",
			"cal-fraction"},
		{"report " + ofFeatures + " --format md --out " + out, "out"},
		{"report " + ofFeatures + " --json --format md", "format"},
		{"bench --show x.json --steps 3", "steps"},
	} {
		o := command(strings.Fields(c.args)...)
		if o.code != exitcode.Misuse || !strings.Contains(o.err, "--"+c.flag+" has no use") || o.out != "" {
			t.Errorf("%s: exit code %d: %s", c.args, o.code, o.err)
		}
	}
	// A checkpoint with all that it takes.
	mustRun(t, "eval", found[0], "--weights", tinyModel(), "--data", root, "--out", out, "--remedy", "sals")
}
