package cli

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/run"
)

func TestConstantsAreSetByNameAndRecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 3)
	adapter := func(out string, more ...string) []string {
		return append([]string{"adapt", "taskres", "--remedy", "penalty", "--weights", tinyModel(), "--data", root,
			"--shots", "2",
			"--views", "-1", "--epochs", "3", "--out", filepath.Join(dir, out)}, more...)
	}
	mustRun(t, adapter("set", "--set", "alpha=0.25", "--set", "remedy.lambda=0")...)
	r, err := run.ReadRecipe(filepath.Join(dir, "set"))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(r.Choices, "\n")
	for _, want := range []string{"scaled by 0.25", "weight 0,"} {
		if !strings.Contains(all, want) {
			t.Errorf("the recipe's choices lack %q:\n%s", want, all)
		}
	}
	mustRun(t, learn(root, filepath.Join(dir, "kg"), "kgcoop", "--set", "weight=2")...)
	mustRun(t, "tta", "c-tpt", "--weights", tinyModel(), "--data", root, "--views", "2", "--set", "lambda=20", "--out",
		filepath.Join(dir, "tta"))
	for name, want := range map[string]map[string]any{"set": {"alpha": 0.25},
		"kg": {"weight": 2, "context": "a photo of a"}, "tta": {"lambda": 20}} {
		m, err := run.ReadModel(filepath.Join(dir, name))
		if err != nil || !maps.Equal(m.MethodSettings, want) || len(m.Classes) != 3 || m.Activation == "" {
			t.Errorf("%s: model %+v, %v", name, m, err)
		}
		if path, err := m.FindWeights(filepath.Join(dir, name)); err != nil ||
			filepath.Base(path) != filepath.Base(tinyModel()) {
			t.Errorf("%s: weights %s, %v", name, path, err)
		}
	}
	failsClean(t, dir, adapter("bad", "--set", "alpa=1"), "alpa", "did you mean alpha?")
	failsClean(t, dir, adapter("bad", "--set", "alpha=-1"), "alpha=-1", "above 0")
	failsClean(t, dir, adapter("bad", "--loss", "ecp", "--set", "alpha=1"), "ambiguous", "method.alpha", "loss.alpha")
	failsClean(t, dir, learn(root, filepath.Join(dir, "bad"), "coop", "--set", "depth=2"), "depth", "known are")
	failsClean(t, dir, []string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--set", "lambda=1", "--out",
		filepath.Join(dir, "bad")},
		"method tpt", "have none")
	for _, c := range []string{"adapt", "tta"} {
		if help := mustRun(t, c, "--help").out; !strings.Contains(help,
			"lambda=10  weight of the mean excess (the paper") {
			t.Errorf("%s --help does not list the constants", c)
		}
	}
}
