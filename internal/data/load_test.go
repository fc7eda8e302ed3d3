package data

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree writes files under a new folder; a .png gets a one-pixel picture.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	var dot bytes.Buffer
	if err := png.Encode(&dot, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if content == "" {
			content = dot.String()
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// keys lists "key=label" of every item.
func keys(s *Set) []string {
	var out []string
	for _, it := range s.Items {
		out = append(out, it.Key(s.Root)+"="+s.Classes[it.Label])
	}
	return out
}

const petSplit = `{"train": [["b.png", 1, "basset_hound"], ["a.png", 0, "abyssinian"]],
 "val": [["c.png", 0, "abyssinian"]], "test": [["d.png", 1, "basset_hound"]]}`

func TestLoad(t *testing.T) {
	tests := []struct {
		name    string
		files   map[string]string
		spec    string
		opt     Options
		classes []string
		items   []string
	}{
		{"folder", map[string]string{"dog/2.png": "", "dog/1.PNG": "", "big_cat/x.png": "", "big_cat/notes.md": "n",
			"README": "r"}, "",
			Options{}, []string{"big cat", "dog"}, []string{"big_cat/x.png=big cat", "dog/1.PNG=dog", "dog/2.png=dog"}},
		{"folder, underscores kept", map[string]string{"big_cat/x.png": ""}, "",
			Options{KeepUnderscores: true}, []string{"big_cat"}, []string{"big_cat/x.png=big_cat"}},
		{"folder with class names", map[string]string{"n01/x.png": "", "n02/y.png": "",
			"classnames.txt": "n02 tiger shark\nn01 tench\n"}, "",
			Options{}, []string{"tench", "tiger shark"}, []string{"n01/x.png=tench", "n02/y.png=tiger shark"}},
		{"numbered folders go by value", map[string]string{"10/x.png": "", "9/y.png": "", "0/z.png": ""}, "",
			Options{}, []string{"0", "9", "10"}, []string{"0/z.png=0", "9/y.png=9", "10/x.png=10"}},
		{"split folder", map[string]string{"train/a/1.png": "", "test/a/2.png": "", "test/b/3.png": ""}, "#test",
			Options{}, []string{"a", "b"}, []string{"a/2.png=a", "b/3.png=b"}},
		{"split file, pictures in a folder beside", map[string]string{"split_zhou_Pets.json": petSplit,
			"images/a.png": "", "images/b.png": "", "zoo/x.png": ""},
			"split_zhou_Pets.json#train", Options{}, []string{"abyssinian", "basset hound"},
			[]string{"b.png=basset hound", "a.png=abyssinian"}},
		{"split file, pictures beside", map[string]string{"s.json": petSplit, "d.png": ""},
			"s.json#test", Options{}, []string{"abyssinian", "basset hound"}, []string{"d.png=basset hound"}},
		{"list of names", map[string]string{"l.tsv": "# two\nx/a.png\tzebra\nx/b.png\tape\n"},
			"l.tsv", Options{}, []string{"ape", "zebra"}, []string{"x/a.png=zebra", "x/b.png=ape"}},
		{"list of labels with names", map[string]string{"l.tsv": "a.png\t1\tdog\r\nb.png\t0\tcat\r\nc.png\t1\n"},
			"l.tsv", Options{}, []string{"cat", "dog"}, []string{"a.png=dog", "b.png=cat", "c.png=dog"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := tree(t, test.files)
			spec := root + test.spec
			if test.spec != "" && test.spec[0] != '#' {
				spec = filepath.Join(root, test.spec)
			}
			set, err := LoadWith(spec, test.opt)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(set.Classes, test.classes) {
				t.Errorf("classes %q, want %q", set.Classes, test.classes)
			}
			if got := keys(set); !slices.Equal(got, test.items) {
				t.Errorf("items %q, want %q", got, test.items)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct {
		name, spec string
		files      map[string]string
		want       string // part of the error
	}{
		{"missing", "nowhere", nil, "nowhere"},
		{"folder without classes", "", map[string]string{"a.png": ""}, "no class folders"},
		{"folder without pictures", "", map[string]string{"a/notes.txt": "n"}, "no images"},
		{"split not said", "s.json", map[string]string{"s.json": petSplit, "b.png": ""}, "#train"},
		{"pictures not found", "s.json#train", map[string]string{"s.json": petSplit}, `such as "b.png"`},
		{"not JSON", "s.json#train", map[string]string{"s.json": "{train"}, "not a JSON object"},
		{"no splits", "s.json#train", map[string]string{"s.json": "{}"}, `none of "train"`},
		{"split missing", "s.json#val", map[string]string{"s.json": `{"train":[["a",0,"x"]]}`}, `no split "val"`},
		{"negative label", "s.json#train", map[string]string{"s.json": `{"train":[["a.png",-1,"x"]]}`},
			`split "train", entry 0 (a.png): label -1`},
		{"gap in labels", "s.json#train", map[string]string{"s.json": `{"train":[["a",0,"x"],["b",2,"y"],["c",2,"y"]]}`},
			"no entry has label 1"},
		{"huge label", "s.json#train", map[string]string{"s.json": `{"train":[["a",900000,"x"]]}`}, "label 900000"},
		{"two names", "s.json#train", map[string]string{"s.json": `{"train":[["a",0,"x"],["b",0,"y"]]}`},
			`is called "y" here and "x" before`},
		{"path outside", "s.json#train", map[string]string{"s.json": `{"train":[["../a",0,"x"]]}`},
			"leaves the image folder"},
		{"wrong entry", "s.json#train", map[string]string{"s.json": `{"train":[["a",0]]}`},
			"want [path, label, class name]"},
		{"list without label", "l.tsv", map[string]string{"l.tsv": "a.png\t0\nb.png\n"}, "line 2"},
		{"list label out of range", "l.tsv", map[string]string{"l.tsv": "#\na.png\t0\nb.png\t-4\n"},
			"line 3 (b.png): label -4"},
		{"empty list", "l.tsv", map[string]string{"l.tsv": "#nothing\n"}, "no pictures"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(filepath.Join(tree(t, test.files), test.spec))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want it to say %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %v", err)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for path, want := range map[string][2]string{
		"/data/imagenet/images/val": {"imagenet", "val"},
		"/data/pets":                {"pets", ""},
		"/data/pets/Train":          {"pets", "train"},
		"/data/imagenet-a/":         {"imagenet-a", ""},
		"/train":                    {"train", "train"},
	} {
		name, split := nameOf(filepath.FromSlash(path))
		if name != want[0] || split != want[1] {
			t.Errorf("%s: %q %q, want %q", path, name, split, want)
		}
	}
}

func TestLinkedFoldersAreFollowed(t *testing.T) {
	real := tree(t, map[string]string{"x.png": "", "more/y.png": "", ".cache/z.png": ""})
	root := t.TempDir()
	if err := os.Symlink(real, filepath.Join(root, "cat")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	set, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(set); !slices.Equal(got, []string{"cat/x.png=cat", "cat/more/y.png=cat"}) {
		t.Errorf("items %q", got)
	}
	if err := os.Symlink(real, filepath.Join(real, "round")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(root); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("error %v for a link that goes round", err)
	}
}

func TestLoadSplitFallsBack(t *testing.T) {
	parts := tree(t, map[string]string{"train/a/1.png": "", "test/a/2.png": ""})
	whole := tree(t, map[string]string{"a/1.png": ""})
	for _, test := range []struct{ spec, want string }{
		{parts, "a/1.png=a"}, {parts + "#test", "a/2.png=a"}, {whole, "a/1.png=a"},
	} {
		set, err := LoadSplit(test.spec, "train")
		if err != nil {
			t.Fatal(err)
		}
		if got := keys(set); len(got) != 1 || got[0] != test.want {
			t.Errorf("%s: items %q, want %q", test.spec, got, test.want)
		}
	}
	if _, err := Load(parts); !errors.Is(err, ErrNoSplit) {
		t.Errorf("error %v, want ErrNoSplit", err)
	}
}

func TestFingerprint(t *testing.T) {
	files := map[string]string{"a/1.png": strings.Repeat("x", 20000), "a/2.png": "short"}
	load := func(files map[string]string) *Set {
		set, err := Load(tree(t, files))
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	sum := func(s *Set) string {
		h, err := s.Fingerprint("")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	base := load(files)
	if sum(base) != sum(load(files)) {
		t.Error("the same set in another folder has another fingerprint")
	}
	files["a/2.png"] = "shorT"
	if sum(base) == sum(load(files)) {
		t.Error("another picture, the same fingerprint")
	}
	dot := func(v uint8) Item {
		return Item{Path: "dot", Load: func() (image.Image, error) {
			m := image.NewGray(image.Rect(0, 0, 1, 1))
			m.Pix[0] = v
			return m, nil
		}}
	}
	one := &Set{Items: []Item{dot(1)}}
	two := &Set{Items: []Item{dot(2)}}
	if sum(one) == sum(two) {
		t.Error("other pixels in memory, the same fingerprint")
	}
	whole := sum(base)
	base.Items[0].Path += ".gone"
	if gone := sum(base); gone == whole {
		t.Error("a missing file does not show in the fingerprint")
	}
	one.Items[0].Load = func() (image.Image, error) { return nil, errors.New("no pack") }
	if _, err := one.Fingerprint(""); err == nil || !strings.Contains(err.Error(), "dot") {
		t.Errorf("error %v does not name the item", err)
	}
}

func TestSubsetRelabels(t *testing.T) {
	set := fromPaths([]string{"c0/a", "c3/a", "c1/a", "c3/b"})
	sub, err := set.Subset([]int{3, 0})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sub.Classes, []string{"three", "zero"}) || !slices.Equal(sub.Labels(), []int{1, 0, 0}) {
		t.Errorf("classes %q labels %v", sub.Classes, sub.Labels())
	}
	for _, bad := range [][]int{{5}, {-1}, {1, 1}} {
		if _, err := set.Subset(bad); err == nil {
			t.Errorf("Subset(%v): no error", bad)
		}
	}
}

func FuzzParseSplits(f *testing.F) {
	f.Add([]byte(petSplit))
	f.Add([]byte(`{"train":[["a",1e3,"x"]]}`))
	f.Add([]byte(`{"val":[[[],0,""]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		splits, err := parseSplits(bytes.NewReader(data))
		if err != nil {
			return
		}
		if classes, err := splitClasses(splits); err == nil {
			for _, entries := range splits {
				for _, e := range entries {
					if classes[e.Label] != e.Class {
						t.Fatalf("label %d is %q, entry says %q", e.Label, classes[e.Label], e.Class)
					}
				}
			}
		}
	})
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte("a.png\t0\tcat\nb.png\t1\n"))
	f.Add([]byte("a.png\tcat\n#\n\nb.png\tdog\r\n"))
	f.Add([]byte("a\t99999999999999999999\nb\t-1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseList(bytes.NewReader(data))
		if err != nil {
			return
		}
		classes, labels, _, err := resolveLabels(entries, nil, true)
		if err != nil {
			return
		}
		for i, l := range labels {
			if l < 0 || l >= len(classes) {
				t.Fatalf("entry %d: label %d of %d classes", i, l, len(classes))
			}
		}
	})
}

func FuzzParseClassNames(f *testing.F) {
	f.Add([]byte("n01440764 tench\nn01443537\tgoldfish, Carassius\n"))
	f.Add([]byte("great white shark\nfire truck\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := parseClassNames(bytes.NewReader(data))
		if err != nil {
			return
		}
		names := &ClassNames{Lines: lines}
		for _, keyed := range []bool{true, false} {
			if classes, err := names.Classes(keyed); err == nil && len(classes) != len(lines) {
				t.Fatal("unequal lists")
			}
		}
		if named, _, err := names.ofFolders([]string{"a", "b"}, true); err == nil && len(named) != 2 {
			t.Fatalf("%d names of 2 folders", len(named))
		}
	})
}
