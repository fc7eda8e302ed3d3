package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/data/miniature"
)

func verify(t *testing.T, root string, o Options) *Report {
	t.Helper()
	r, err := Root(context.Background(), root, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// said is every finding that is more than a note, in lines.
func said(r *Report) string {
	var b strings.Builder
	for _, s := range r.Sets {
		for _, f := range s.Findings {
			if f.Level != Note {
				fmt.Fprintf(&b, "%s: %s %s: %s (%s)\n", s.Name, f.Level, f.Kind, f.What, strings.Join(f.Examples, ", "))
			}
		}
	}
	return b.String()
}

// In every layout, sets of real shape have nothing wrong with them.
func TestSetsOfRealShapeAreRight(t *testing.T) {
	for form, names := range map[miniature.Form][]string{miniature.CoOp: {"OxfordPets", "DescribableTextures"},
		miniature.TPT: {"ImageNetA"}, miniature.TTABC: {"FGVCAircraft"}} {
		root := t.TempDir()
		if _, err := miniature.Write(root, miniature.Options{Form: form, Sets: names, Real: true, Bad: true,
			Size: 8}); err != nil {
			t.Fatal(err)
		}
		r := verify(t, root, Options{})
		if len(r.Sets) != len(names) || len(r.Absent) != 15-len(names) || len(r.Other) > 1 {
			t.Errorf("%s: %d sets, absent %v, other %v", form, len(r.Sets), r.Absent, r.Other)
		}
		for _, s := range r.Sets {
			for _, p := range s.Parts {
				if p.Pictures != p.Want {
					t.Errorf("%s, %s: %+v", form, s.Name, p)
				}
			}
			if !s.OK() || s.Classes != s.Want || len(s.Parts) != len(s.known.Counts) {
				t.Errorf("%s, %s: %+v", form, s.Name, s)
			}
		}
		for line := range strings.Lines(said(r)) {
			if !strings.Contains(line, KindHash) { // drawn sets have split files of their own
				t.Errorf("%s: %s", form, line)
			}
		}
	}
}

// faults are what may be wrong with a set, each with what must be found.
var faults = []struct {
	name, set  string
	plant      func(dir string) error // dir is the set's folder
	level      Level
	kind, says string
}{
	{"a picture is gone", "OxfordPets", remove("images/pug_1001.jpg"), Wrong, KindMissing, "pug_1001.jpg"},
	{"an ending is another", "OxfordPets", move("images/pug_1003.jpg", "images/pug_1003.JPG"), Wrong, KindRenamed,
		"pug_1003.jpg is there as pug_1003.JPG"},
	{"files of Kaggle's", "StanfordCars", move("cars_test/00007.jpg", "cars_test/000007.jpg"), Wrong, KindRenamed,
		"cars_test/00007.jpg is there as cars_test/000007.jpg"},
	{"a folder has another name", "EuroSAT", move("2750/River", "2750/Rivers"), Wrong, KindRenamed,
		"River/River_1.jpg is there as Rivers/River_1.jpg"},
	{"a folder is in capitals", "EuroSAT", move("2750/SeaLake", "2750/SEALAKE"), Wrong, KindRenamed,
		"is there as SEALAKE/SeaLake_1.jpg"},
	{"the split file is gone", "OxfordPets", remove("split_zhou_OxfordPets.json"), Wrong, KindSplit, "data splits"},
	{"the split file is cut", "OxfordPets", edit("split_zhou_OxfordPets.json", func(b []byte) []byte {
		return b[:len(b)/2]
	}), Wrong, KindSplit, "JSON"},
	{"another split file", "OxfordPets", replace("split_zhou_OxfordPets.json", `"images`, `"images`), Warning, KindHash,
		"other bytes"},
	{"a class has another name", "OxfordPets", replace("split_zhou_OxfordPets.json", `"pug"`, `"pug dog"`), Wrong,
		KindNames, `label 25 is "pug dog", published "pug"`},
	{"two classes are swapped", "OxfordPets", func(dir string) error {
		return edit("split_zhou_OxfordPets.json", func(b []byte) []byte {
			for _, s := range [][2]string{{`"pug"`, `"@"`}, {`"birman"`, `"pug"`}, {`"@"`, `"birman"`}} {
				b = bytes.ReplaceAll(b, []byte(s[0]), []byte(s[1]))
			}
			return b
		})(dir)
	}, Wrong, KindNames, "another order"},
	{"a picture is listed twice", "OxfordPets", replace("split_zhou_OxfordPets.json", `"pug_1000.jpg"`,
		`"pug_1001.jpg"`), Wrong, KindTwice, "pug_1001.jpg"},
	{"training pictures in the test part", "OxfordPets", replace("split_zhou_OxfordPets.json", `"pug_1003.jpg"`,
		`"pug_1001.jpg"`), Wrong, KindTwice, "also train"},
	{"all pictures are gone", "OxfordPets", move("images", "../elsewhere"), Wrong, KindFolder, "images"},
	{"a class folder is gone", "ImageNetA", move("imagenet-a/n01498041", "../n01498041"), Wrong, KindClasses,
		"stingray"},
	{"a class folder is empty", "ImageNetV2", func(dir string) error {
		return errors.Join(os.RemoveAll(filepath.Join(dir, v2, "7")), os.Mkdir(filepath.Join(dir, v2, "7"), 0o755))
	}, Wrong, KindClasses, "without a picture"},
	{"a folder that is no class", "ImageNetA", func(dir string) error {
		return os.Mkdir(filepath.Join(dir, "imagenet-a", "n00000001"), 0o755)
	}, Wrong, KindClasses, "n00000001"},
	{"a class has one too few", "ImageNetV2", func(dir string) error {
		files, err := filepath.Glob(filepath.Join(dir, v2, "12", "*"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("%v, %v", files, err)
		}
		return os.Remove(files[0])
	}, Wrong, KindCount, "12 has 1"},
	{"names are not CoOp's", "ImageNetA", replace("classnames.txt", "stingray", "ray"), Wrong, KindNames,
		`CoOp's "stingray"`},
	{"a variant is another", "FGVCAircraft", replace("variants.txt", "Yak-42", "Yak-40"), Wrong, KindNames, "Yak-40"},
	{"a list is gone", "FGVCAircraft", remove("images_variant_val.txt"), Wrong, KindSplit, "images_variant_val.txt"},
	{"a strange picture", "FGVCAircraft", copyFile("images/0000001.jpg", "images/other.jpg"), Note, KindUnlisted,
		"other.jpg"},
}

const v2 = "imagenetv2-matched-frequency-format-val"

func remove(file string) func(string) error {
	return func(dir string) error { return os.Remove(filepath.Join(dir, file)) }
}

func move(from, to string) func(string) error {
	return func(dir string) error { return os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)) }
}

func edit(file string, how func([]byte) []byte) func(string) error {
	return func(dir string) error {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, file), how(content), 0o644)
	}
}

func replace(file, from, to string) func(string) error {
	return edit(file, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(from), []byte(to)) })
}

func copyFile(from, to string) func(string) error {
	return func(dir string) error {
		content, err := os.ReadFile(filepath.Join(dir, from))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, to), content, 0o644)
	}
}

// like looks for a set with as many pictures as the small one has.
func like(t *testing.T, made miniature.Made) Options {
	t.Helper()
	known, err := catalog.Find(made.Name)
	if err != nil {
		t.Fatal(err)
	}
	small := *known
	small.Counts = made.Pictures
	if small.PerClass != nil {
		small.PerClass = map[string]int{}
		for part, n := range made.Pictures {
			small.PerClass[part] = n / small.Classes
		}
	}
	return Options{Sets: []*catalog.Set{&small}}
}

func TestEveryFaultIsFound(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			tree, err := miniature.Write(root, miniature.Options{Sets: []string{f.set}, Classes: 1000, Train: 2, Val: 1,
				Test: 2, Size: 8})
			if err != nil {
				t.Fatal(err)
			}
			small := like(t, tree.Sets[0])
			if text := said(verify(t, root, small)); strings.Contains(text, string(Wrong)) {
				t.Fatalf("before: %s", text)
			}
			if err := f.plant(tree.Sets[0].Path); err != nil {
				t.Fatal(err)
			}
			r := verify(t, root, small)
			if len(r.Sets) != 1 {
				t.Fatalf("%d sets", len(r.Sets))
			}
			if r.Sets[0].OK() != (f.level != Wrong) {
				t.Errorf("OK is %v", r.Sets[0].OK())
			}
			for _, found := range r.Sets[0].Findings {
				if text := found.What + " " + strings.Join(found.Examples, " ") + found.Do; found.Level == f.level &&
					found.Kind == f.kind && strings.Contains(text, f.says) {
					return
				}
			}
			t.Errorf("not found among %+v", r.Sets[0].Findings)
		})
	}
}

func TestDeepFindsDamageAndCopies(t *testing.T) {
	root := t.TempDir()
	tree, err := miniature.Write(root, miniature.Options{Bad: true, Size: 16, Classes: 8, Train: 16})
	if err != nil {
		t.Fatal(err)
	}
	dtd := tree.Find("DescribableTextures").Images
	for _, err := range []error{
		os.WriteFile(filepath.Join(dtd, "banded", "banded_0001.jpg"), nil, 0o644),
		copyFile("banded/banded_0002.jpg", "blotchy/blotchy_0002.jpg")(dtd),
		copyFile("braided/braided_0001.jpg", "braided/braided_0021.jpg")(dtd),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	seen, all := 0, 0
	r := verify(t, root, Options{Deep: true, Progress: func(done, total int) { seen, all = done, total }})
	if seen != all || all < 15*8 {
		t.Errorf("%d of %d decoded", seen, all)
	}
	text := ""
	for _, s := range r.Sets {
		for _, f := range s.Findings {
			text += fmt.Sprintf("%s %s: %s %s\n", s.Name, f.Kind, f.What, strings.Join(f.Examples, ", "))
		}
	}
	for _, want := range []string{"beagle_116.jpg", "chihuahua_121.jpg", "banded_0001.jpg: file is empty",
		"blotchy/blotchy_0002.jpg", "what is measured was learnt from images/braided/braided_0001",
		"ImageNet known: JPEG files of four inks", "OxfordPets known: GIF files"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Root(ctx, root, Options{Deep: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Copies on hubs are counted too; their parts are not CoOp's.
func TestArchivesAreCounted(t *testing.T) {
	for _, form := range []miniature.Form{miniature.Parquet, miniature.Webdataset} {
		root := t.TempDir()
		if _, err := miniature.Write(root, miniature.Options{Form: form, Size: 8, Sets: []string{"EuroSAT", "Food101"},
			Classes: 10}); err != nil {
			t.Fatal(err)
		}
		r := verify(t, root, Options{Deep: true})
		if len(r.Sets) != 2 || r.Sets[1].Name != "EuroSAT" {
			t.Fatalf("%s: %+v", form, r)
		}
		s := r.Sets[1]
		if !s.OK() || s.Classes != 10 || s.Decoded != 10*(4+2+3) || len(s.Parts) != 3 || s.Parts[2].Pictures != 30 {
			t.Errorf("%s: %+v", form, s)
		}
	}
}

func TestRootsThatAreNone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{file, filepath.Join(dir, "none")} {
		if _, err := Root(context.Background(), root, Options{}); err == nil || !strings.Contains(err.Error(), root) {
			t.Errorf("%s: %v", root, err)
		}
	}
	if r := verify(t, dir, Options{}); len(r.Sets) != 0 || len(r.Absent) != len(catalog.Sets()) {
		t.Errorf("%+v", r)
	}
}
