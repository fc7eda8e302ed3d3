package miniature

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
)

// Every set of every form is read by its root alone, with the classes and
// pictures that were asked for.
func TestEveryFormIsRead(t *testing.T) {
	for _, form := range Forms() {
		t.Run(string(form), func(t *testing.T) {
			t.Parallel()
			tree, err := Write(t.TempDir(), Options{Form: form, Size: 12})
			if err != nil {
				t.Fatal(err)
			}
			if len(tree.Sets) != 15 {
				t.Fatalf("%d sets", len(tree.Sets))
			}
			for _, made := range tree.Sets {
				checkMade(t, made)
			}
		})
	}
}

func checkMade(t *testing.T, made Made) {
	t.Helper()
	for _, part := range made.Parts {
		spec := made.Path + "#" + part
		if len(made.Parts) == 1 {
			spec = made.Path
		}
		set, err := data.LoadWith(spec, data.Options{Fallback: part})
		if err != nil {
			t.Errorf("%s, %s: %v", made.Name, part, err)
			continue
		}
		if len(set.Items) != made.Pictures[part] || len(set.Classes) != len(made.Classes) {
			t.Errorf("%s, %s: %d pictures of %d classes, want %d of %d", made.Name, part, len(set.Items),
				len(set.Classes), made.Pictures[part], len(made.Classes))
			continue
		}
		for k, c := range made.Classes {
			if want := strings.ReplaceAll(c.Name, "_", " "); set.Classes[k] != want {
				t.Errorf("%s: class %d is %q, want %q", made.Name, k, set.Classes[k], want)
			}
		}
		for _, i := range []int{0, len(set.Items) - 1} {
			if _, err := set.Items[i].Image(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestDriftedSetsHaveClassesOfImageNet(t *testing.T) {
	o, err := Options{Classes: 8}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range catalog.Sets() {
		count[s.ID] = len(o.chosen(s))
	}
	if count["ImageNet"] != 8 || count["ImageNetV2"] != 8 || count["ImageNetA"] >= 8 || count["ImageNetR"] >= 8 ||
		count["ImageNetA"] < 2 || count["ImageNetR"] < 2 || count["SUN397"] != 8 {
		t.Errorf("%v", count)
	}
}

// The odd files of the real sets are there under their names, and are odd.
func TestBadFilesAreWhatTheCatalogSays(t *testing.T) {
	tree, err := Write(t.TempDir(), Options{Bad: true, Classes: 8, Train: 8, Size: 16,
		Sets: []string{"OxfordPets", "ImageNet", "SUN397"}})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, made := range tree.Sets {
		for file, kind := range made.Odd {
			kinds = append(kinds, kind)
			_, err := data.Item{Path: filepath.Join(made.Images, filepath.FromSlash(file))}.Image()
			if (err != nil) != (kind == "damaged") {
				t.Errorf("%s, %s: %v", file, kind, err)
			}
		}
	}
	slices.Sort(kinds)
	if got := slices.Compact(kinds); !slices.Equal(got, []string{"cmyk", "damaged", "gif", "odd", "png"}) {
		t.Errorf("kinds %v", got)
	}
}

// A class's pictures are the same from one writing to the next.
func TestWritingAgainGivesTheSame(t *testing.T) {
	var sums []string
	for range 2 {
		tree, err := Write(t.TempDir(), Options{Sets: []string{"EuroSAT"}, Size: 16})
		if err != nil {
			t.Fatal(err)
		}
		set, err := data.LoadSplit(tree.Sets[0].Path, "test")
		if err != nil {
			t.Fatal(err)
		}
		sum, err := set.Fingerprint("")
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	if sums[0] != sums[1] {
		t.Errorf("%q", sums)
	}
}
