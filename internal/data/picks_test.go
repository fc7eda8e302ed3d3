package data

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pets is a set of three pictures, as the picks know it.
func pets(t *testing.T) *Set {
	t.Helper()
	root := tree(t, map[string]string{"oxford_pets/images/a.png": "", "oxford_pets/images/b.png": "",
		"oxford_pets/images/c.png": "", "oxford_pets/split_zhou_OxfordPets.json": `{"train": [["a.png", 0, "abyssinian"],
		["b.png", 1, "basset_hound"], ["c.png", 0, "abyssinian"]]}`})
	set, err := Load(filepath.Join(root, "oxford_pets") + "#train")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestPicksOfCoOp(t *testing.T) {
	for _, file := range []string{"picks_2.pkl", "picks_5.pkl"} {
		p, err := ReadPicks(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Val) != 1 || p.Val[0].Class != "abyssinian" {
			t.Errorf("%s: val %+v", file, p.Val)
		}
		got, err := p.Of(pets(t))
		if err != nil || !slices.Equal(keys(got), []string{"b.png=basset hound", "a.png=abyssinian",
			"b.png=basset hound"}) {
			t.Errorf("%s: %v, %v", file, got, err)
		}
	}
	_, err := ReadPicks(filepath.Join("testdata", "picks_bad.pkl"))
	if err == nil || !strings.Contains(err.Error(), "builtins.print") {
		t.Errorf("%v", err)
	}
}

func TestPicksAreWrittenAndReadAgain(t *testing.T) {
	set := pets(t)
	set.Items = []Item{set.Items[2], set.Items[1]}
	path := filepath.Join(t.TempDir(), "shots.json")
	if err := set.Record([]int{0, 1}, nil).Picks().Write(path); err != nil {
		t.Fatal(err)
	}
	p, err := ReadPicks(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Of(pets(t))
	if err != nil || !slices.Equal(keys(got), keys(set)) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestPicksThatDoNotFitAreRefused(t *testing.T) {
	entry := SplitEntry{Path: "a.png", Label: 0, Class: "abyssinian"}
	for _, test := range []struct {
		change func(e *SplitEntry)
		want   string
	}{
		{func(e *SplitEntry) { e.Path = "z.png" }, "1 of 1 picks"},
		{func(e *SplitEntry) { e.Path = "xa.png" }, "1 of 1 picks"},
		{func(e *SplitEntry) { e.Label = 1 }, "another list of classes"},
		{func(e *SplitEntry) { e.Class = "abyssinians" }, "another list of classes"},
		{func(*SplitEntry) {}, `no picture of 1 of 2 classes, "basset hound"`},
	} {
		e := entry
		test.change(&e)
		if _, err := (Picks{Train: []SplitEntry{e}}).Of(pets(t)); err == nil || !strings.Contains(err.Error(),
			test.want) {
			t.Errorf("%+v: %v", e, err)
		}
	}
	for name, content := range map[string]string{"a.json": `{"train": []}`, "b.json": "[", "c.pkl": "x", "d.pkl": ""} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPicks(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The bytes are those of json.dump(split, f, indent=4, separators=(",", ": ")).
func TestSplitFilesAreWrittenAsDasslDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "split.json")
	s := Splits{"train": {{"a/é\"\\\n.jpg", 0, "crème 😀"}, {"b.jpg", 1, "b"}}, "test": {{"c.jpg", 0, "crème 😀"}}}
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if sum := fmt.Sprintf("%x", sha256.Sum256(raw)); err != nil || sum !=
		"33463f8d4b48c029bb201458a9cc3d7d91ec74a1b2529ba140c72af284ccd44e" {
		t.Errorf("%v, %s:\n%s", err, sum, raw)
	}
}

func FuzzReadDatums(f *testing.F) {
	for _, name := range []string{"picks_2.pkl", "picks_5.pkl", "picks_bad.pkl"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) { _, _ = readDatums(strings.NewReader(string(raw))) })
}
