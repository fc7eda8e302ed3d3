package recipe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/data/miniature"
)

func names() (out []string) {
	for _, s := range catalog.Sets() {
		out = append(out, s.ID)
	}
	return out
}

func TestSetsAreFoundInEveryForm(t *testing.T) {
	for _, form := range miniature.Forms() {
		tree, err := miniature.Write(t.TempDir(), miniature.Options{Form: form, Classes: 2, Train: 1, Val: 1, Test: 1})
		if err != nil {
			t.Fatal(err)
		}
		paths, missing := Locate(tree.Root, names())
		if len(missing) > 0 {
			t.Errorf("%s: %s", form, missing[0].Words())
		}
		for _, m := range tree.Sets {
			if paths[m.Name] != m.Path {
				t.Errorf("%s: %s is at %s, want %s", form, m.Name, paths[m.Name], m.Path)
			}
		}
	}
}

func TestSetsThatAreMissingOrThereTwice(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"Food101", "food-101", "imagenet-1k", "ILSVRC2012", "DTD"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	paths, missing := Locate(root, []string{"Food101", "ImageNet", "DescribableTextures", "EuroSAT"})
	if paths["Food101"] != filepath.Join(root, "food-101") || paths["DescribableTextures"] != filepath.Join(root,
		"DTD") {
		t.Errorf("found %v", paths)
	}
	if len(missing) != 2 || !strings.Contains(missing[0].Words(), "ILSVRC2012 and imagenet-1k") ||
		!strings.Contains(missing[1].Words(), "EuroSAT is missing: it goes by eurosat") {
		t.Errorf("missing %v", missing)
	}
	if _, missing := Locate(filepath.Join(root, "nowhere"), []string{"EuroSAT"}); len(missing) != 1 {
		t.Error("a root that is not there has sets")
	}
}
