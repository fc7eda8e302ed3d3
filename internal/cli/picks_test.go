package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/data/miniature"
)

// A run's draw, given to another, gives the same run; one made by hand gives its own.
func TestPicksTakeTheShotsOfAnotherRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree, err := miniature.Write(dir, miniature.Options{Sets: []string{"OxfordPets"}, Size: 16, Train: 8})
	if err != nil {
		t.Fatal(err)
	}
	pets := tree.Sets[0].Path
	args := func(out string, more ...string) []string {
		return append([]string{"adapt", "taskres", "--weights", tinyModel(), "--data", pets, "--views", "-1",
			"--epochs", "3", "--seed", "2", "--out", filepath.Join(dir, out)}, more...)
	}
	mustRun(t, args("drawn", "--shots", "3")...)
	picks := filepath.Join(dir, "drawn", "shots.json")
	mustRun(t, args("picked", "--picks", picks)...)
	read := func(run, file string) string { return string(readFile(t, filepath.Join(dir, run, file))) }
	for _, file := range []string{"adapter.safetensors", "shots.json", "shots.csv"} {
		if read("drawn", file) != read("picked", file) {
			t.Errorf("%s differs", file)
		}
	}
	if recipe := read("picked", "recipe.yaml"); !strings.Contains(recipe, "shots: 3") || !strings.Contains(recipe,
		picks) {
		t.Errorf("recipe:\n%s", recipe)
	}
	// Another draw, of two pictures of one class and one of each other.
	lines := strings.Split(read("drawn", "shots.json"), "        [\n")
	kept := slices.Concat(lines[:3], lines[4:5], lines[7:8], lines[10:])
	writeFile(t, filepath.Join(dir, "by hand.json"), []byte(strings.Join(kept, "        [\n")))
	by := mustRun(t, args("by hand", "--picks", filepath.Join(dir, "by hand.json"))...)
	if !strings.Contains(by.err, "3 shots a class, fewer of 3 classes: abyssinian 2") {
		t.Errorf("not said that some classes have 1: %s", by.err)
	}
	if rows := csvRows(t, filepath.Join(dir, "by hand", "shots.csv")); len(rows) != len(kept)-1 {
		t.Errorf("%d rows of %d", len(rows), len(kept)-1)
	}
	fails(t, args("x", "--picks", picks, "--shots", "2"), "--picks", "--shots")
	fails(t, args("x", "--picks", picks+"x"), "no such file")
	fails(t, []string{"adapt", "taskres", "--features", "f.safetensors", "--picks", picks, "--out", "x"}, "--picks")
	writeFile(t, filepath.Join(dir, "other.json"), []byte(strings.ReplaceAll(read("drawn", "shots.json"), ".jpg",
		".png")))
	fails(t, args("x", "--picks", filepath.Join(dir, "other.json")), "picks are not among", ".png")
}
