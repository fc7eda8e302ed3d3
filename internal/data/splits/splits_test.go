package splits

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/data/miniature"
)

func find(t *testing.T, name string) *catalog.Set {
	t.Helper()
	s, err := catalog.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Byte for byte what CoOp's rules make, as testdata/make_splits.py states them.
func TestSplitFilesAreThoseOfCoOpsRules(t *testing.T) {
	eurosat := t.TempDir()
	for _, c := range find(t, "EuroSAT").ClassList() {
		for i := range 11 {
			file := filepath.Join(eurosat, "2750", c.Folder, fmt.Sprintf("%s_%d.jpg", c.Folder, i+1))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"UCF101", "OxfordPets", "SUN397", "OxfordFlowers", "StanfordCars", "EuroSAT"} {
		s := find(t, name)
		dir := filepath.Join("testdata", s.CoOp.Folder)
		if name == "EuroSAT" {
			dir = eurosat
		}
		made, err := Make(s, dir, Seed)
		if err != nil {
			t.Error(err)
			continue
		}
		file := filepath.Join(t.TempDir(), "split.json")
		if err := made.Write(file); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", "want_"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes than CoOp's rules give:\n%.600s\nwant\n%.600s", name, got, want)
		}
	}
}

func TestWhatCannotBeMadeIsSaid(t *testing.T) {
	small := t.TempDir()
	if _, err := miniature.Write(small, miniature.Options{Sets: []string{"DescribableTextures"}, Classes: 47, Train: 1,
		Val: 1, Test: 1, NoSplits: true, Size: 8}); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, test := range []struct{ set, dir, want string }{
		{"ImageNet", empty, "no split file"}, {"FGVCAircraft", empty, "no split file"}, {"UCF101", empty,
			"classInd.txt"},
		{"OxfordPets", empty, "trainval.txt"}, {"StanfordCars", empty, "cars_meta.mat"}, {"EuroSAT", empty,
			"AnnualCrop"},
		{"DescribableTextures", filepath.Join(small, "dtd"), "3 pictures: too few"},
	} {
		if _, err := Make(find(t, test.set), test.dir, Seed); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.set, err)
		}
	}
	bad := filepath.Join(empty, "annotations")
	if err := os.MkdirAll(bad, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bad, "trainval.txt"), []byte("Abyssinian_1 0 1 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(find(t, "OxfordPets"), empty, Seed); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
}
