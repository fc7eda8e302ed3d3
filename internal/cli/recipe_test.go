package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/run"
)

func TestTheRecipeSaysWhichViewsWereUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 1)
	for i, c := range []struct {
		args  []string
		views int
		want  string
	}{
		{[]string{"taskres"}, 20, "augmented views: 20 (textbook)"},
		{[]string{"taskres", "--views", "3"}, 3, "augmented views: 3 (asked for; textbook: 20)"},
		{[]string{"tip-adapter", "--views", "-1"}, 0, "augmented views: none, the plain picture (asked for; textbook: 10)"},
		{[]string{"tip-adapter", "--compat", "clipcalib"}, 1, "augmented views: 1 (clipcalib)"},
		{[]string{"taskres", "--views", "2", "--template", "{}", "--template", "a {}"}, 2,
			"prototype templates: 2, features normalised"},
		{[]string{"coop", "--vectors", "2", "--views", "-1"}, 0, "views of a sample: 1, the plain picture"},
		{[]string{"coop", "--vectors", "2", "--views", "1"}, 1, "views of a sample: 1, an augmented one"},
	} {
		out := filepath.Join(dir, "run", string(rune('a'+i)))
		mustRun(t, append([]string{"adapt", "--weights", tinyModel(), "--data", root, "--shots", "2", "--batch", "2",
			"--epochs", "1", "--out", out}, c.args...)...)
		r, err := run.ReadRecipe(out)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(r.Choices, "\n")
		if !strings.Contains(all, c.want) || strings.Count(all, "augmented views: ") > 1 ||
			r.Inputs.AugmentedViews != c.views {
			t.Errorf("%q: %d augmented views, want %d and %q in\n%s", c.args, r.Inputs.AugmentedViews, c.views, c.want,
				all)
		}
	}
}

// A recipe of tuning makes the runs that its flags make, and what recipes show prints
// is one.
func TestTuningTakesARecipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 1)
	file := filepath.Join(dir, "tune.yaml")
	writeFile(t, file, []byte("method: [tpt, soc]\nweights: "+tinyModel()+"\ndata: [colours]\nviews: 4\nkeep: 0.5\n"+
		"seed: [1, 2]\nset: {lambda: 5, delta: 0.3}\n"))
	flags, from := filepath.Join(dir, "flags"), filepath.Join(dir, "from")
	mustRun(t, "tta", "tpt,soc", "--weights", tinyModel(), "--data", root, "--views", "4", "--keep", "0.5", "--seed",
		"1,2",
		"--set", "lambda=5", "--set", "delta=0.3", "--out", flags)
	mustRun(t, "tta", "--recipe", file, "--out", from)
	if a, b := listing(t, flags), listing(t, from); len(a) < 8 || strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("by flags\n%s\nby recipe\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	one := filepath.Join(dir, "one")
	mustRun(t, "tta", "soc", "--recipe", file, "--seed", "7", "--out", one)
	if r, err := run.ReadRecipe(one); err != nil || r.Method != "soc" || r.Seed != 7 {
		t.Errorf("the command line goes first: %+v, %v", r, err)
	}
	plan := filepath.Join(dir, "plan.jsonl")
	mustRun(t, "plan", "tta", "--recipe", file, "--out", plan)
	if lines := strings.Count(string(readFile(t, plan)), `"command"`); lines != 4 {
		t.Errorf("%d cells are planned, want 4", lines)
	}
	shown := filepath.Join(dir, "shown.yaml")
	writeFile(t, shown, []byte(mustRun(t, "recipes", "show", "tta/rn50-tpt-fine", "--with", "views=4").out))
	fails(t, []string{"tta", "--recipe", shown, "--out", filepath.Join(dir, "no")}, "data set", "Caltech101")
	writeFile(t, file, []byte("method: soc\nset: {lambda: [1, 2]}\n"))
	fails(t, []string{"tta", "--recipe", file, "--out", dir}, "lambda has 2 values")
	writeFile(t, file, []byte("method: tpt\nviewz: 2\n"))
	fails(t, []string{"tta", "--recipe", file, "--out", dir}, "viewz", "views")
	fails(t, []string{"tta", "--recipe", filepath.Join(one, "recipe.yaml"), "--out", dir}, "clipcalib tta soc")
}
