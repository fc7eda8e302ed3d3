package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/run"
)

// The recipe.yaml of a run makes the run again, to the last byte.
func TestARunsRecipeRepeatsIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bank := filepath.Join(dir, "bank")
	root := folderSet(t, filepath.Join(dir, "colours"), 3, 2)
	train, _ := featureFiles(t, dir)
	first := filepath.Join(dir, "first")
	mustRun(t, "adapt", "taskres", "--features", train, "--epochs", "2", "--out", first)
	names := writeNames(t, "blue_sky a sky", "grass a meadow", "red_rose a flower")
	pictures := []string{"--weights", tinyModel(), "--bank", bank, "--data", root}
	for name, args := range map[string][]string{
		"defaults": append([]string{"taskres", "--epochs", "2"}, pictures...),
		"settings": append([]string{"taskres", "--remedy", "penalty", "--set", "remedy.lambda=3", "--set", "alpha=0.25",
			"--shots", "2", "--seed", "5", "--epochs", "3", "--lr", "0.03", "--batch", "2", "--weight-decay", "0.001",
			"--views", "2", "--loss", "focal", "--set", "gamma=1.5", "--template", "{}", "--template", "a {}"},
			pictures...),
		"as released": append([]string{"tip-adapter-f", "--compat", "clipcalib", "--float16-prototypes",
			"--optimizer", "adamw", "--epsilon", "1e-4",
			"--schedule", "step-cosine", "--epochs", "2", "--views", "-1", "--shots", "0", "--logit-scale", "50"},
			pictures...),
		"zero": append([]string{"tip-adapter", "--set", "alpha=0", "--shots", "4", "--repeat", "--class-names", names,
			"--activation", "quickgelu", "--preprocess", "inception"}, pictures...),
		"prompts": append([]string{"coop", "--remedy", "sals", "--vectors", "2", "--context", "a photo", "--shots", "2",
			"--epochs", "2", "--views", "2", "--weight-decay", "-1", "--loss", "mbls"}, pictures...),
		"deep prompts": append([]string{"maple", "--depth", "2", "--shots", "1", "--epochs", "1", "--views", "2",
			"--loss", "label-smoothing"}, pictures...),
		"features": {"clip-adapter", "--remedy", "zs-norm", "--features", train, "--epochs", "2", "--loss",
			"logitnorm"},
		"from another": {"taskres", "--features", train, "--epochs", "2", "--init",
			filepath.Join(first, "adapter.safetensors")},
	} {
		t.Run(name, func(t *testing.T) {
			of, again := filepath.Join(dir, name), filepath.Join(dir, name+" again")
			mustRun(t, append([]string{"adapt", "-q", "--out", of}, args...)...)
			recipe := filepath.Join(of, "recipe.yaml")
			more := []string{}
			if name[0] != 'f' {
				more = []string{"--bank", bank}
			}
			mustRun(t, append([]string{"adapt", "-q", "--recipe", recipe, "--out", again}, more...)...)
			sameFiles(t, again, of)
			if o := mustRun(t, append([]string{"adapt", "--recipe", recipe, "--out", of},
				more...)...); !strings.Contains(o.err, "holds this run already") {
				t.Error(o.err)
			}
		})
	}
	recipe := filepath.Join(dir, "settings", "recipe.yaml")
	other := filepath.Join(dir, "other")
	mustRun(t, "adapt", "-q", "--recipe", recipe, "--seed", "6", "--bank", bank, "--out", other)
	if r, err := run.ReadRecipe(other); err != nil || r.Seed != 6 || r.LearningRate != 0.03 {
		t.Errorf("%+v, %v", r, err)
	}
	// Where the pictures are others, the run is another.
	moved := folderSet(t, filepath.Join(dir, "moved", "colours"), 3, 2)
	args := []string{"adapt", "--recipe", recipe, "--bank", bank, "--out", filepath.Join(dir, "new")}
	mustRun(t, append(args, "-q", "--data", moved)...)
	for _, class := range []string{"grass", "red_rose", "blue_sky"} {
		for _, n := range []string{"00", "01", "02"} {
			path := filepath.Join(moved, "train", class, n+".png")
			writeFile(t, path, append(readFile(t, path), 0))
		}
	}
	args[len(args)-1] = filepath.Join(dir, "newer")
	fails(t, append(args, "--data", moved), "does not make that run again", "data_sha256 is")
	if _, err := os.Stat(args[len(args)-1]); err == nil {
		t.Error("a run that is not the recipe's was begun")
	}
	tta := filepath.Join(dir, "tta")
	mustRun(t, "tta", "tpt", "-q", "--weights", tinyModel(), "--bank", bank, "--data", root, "--views", "4", "--out",
		tta)
	fails(t, []string{"adapt", "--recipe", filepath.Join(tta, "recipe.yaml"), "--out", other}, "test-time tuning",
		"clipcalib tta tpt")
}
