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
			t.Errorf("%q: %d augmented views, want %d and %q in\n%s", c.args, r.Inputs.AugmentedViews, c.views, c.want, all)
		}
	}
}
