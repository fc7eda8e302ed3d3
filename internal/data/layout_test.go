package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// split is a split file of three pictures below prefix.
func split(prefix string) string {
	e := func(i, label int, name string) string {
		return fmt.Sprintf(`["%s%d.png", %d, %q]`, prefix, i, label, name)
	}
	return fmt.Sprintf(`{"train": [%s, %s], "val": [%s], "test": [%s, %s]}`,
		e(1, 1, "basset_hound"), e(2, 0, "abyssinian"), e(3, 0, "abyssinian"), e(4, 1, "basset_hound"),
		e(3, 0, "abyssinian"))
}

// pictures are the files of split's pictures.
func pictures(prefix string) map[string]string {
	files := map[string]string{}
	for i := 1; i <= 4; i++ {
		files[fmt.Sprintf("%s%d.png", prefix, i)] = ""
	}
	return files
}

func with(files map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

// The fifteen data sets of CoOp, as its DATASETS.md lays them out, and those
// that TPT lays out otherwise, all by their root alone.
func TestPublishedRoots(t *testing.T) {
	names := "n01440764 tench\nn02012849 crane bird\n"
	inClasses := func(dir string) map[string]string {
		return map[string]string{dir + "/n01440764/a.JPEG": "", dir + "/n02012849/b.JPEG": "", "classnames.txt": names}
	}
	aircraft := map[string]string{
		"variants.txt": "707-320\nA340-300\n", "images_variant_train.txt": "1 A340-300\n2 707-320\n",
		"images_variant_val.txt": "3 707-320\n", "images_variant_test.txt": "4 A340-300\n3 707-320\n",
		"images/1.jpg": "", "images/2.jpg": "", "images/3.jpg": "", "images/4.jpg": "", "families.txt": "707\n",
	}
	pets := "basset hound abyssinian"
	for _, test := range []struct {
		folder  string
		files   map[string]string
		name    string
		classes string // of the test part's items, in order
	}{
		{"imagenet", with(inClasses("images/train"), "images/val/n01440764/v.JPEG", "", "images/val/n02012849/w.JPEG",
			""), "imagenet", "tench crane bird"},
		{"imagenet", with(inClasses("train"), "val/n01440764/v.JPEG", "", "val/n02012849/w.JPEG", ""), "imagenet",
			"tench crane bird"},
		{"caltech-101", with(pictures("101_ObjectCategories/x/"), "split_zhou_Caltech101.json", split("x/")),
			"Caltech101", pets},
		{"oxford_pets", with(pictures("images/"), "split_zhou_OxfordPets.json", split(""), "annotations/list.txt", "x"),
			"OxfordPets", pets},
		{"stanford_cars", with(pictures("cars_train/"), "split_zhou_StanfordCars.json", split("cars_train/"),
			"devkit/a.mat", "x"), "StanfordCars", pets},
		{"oxford_flowers", with(pictures("jpg/"), "split_zhou_OxfordFlowers.json", split(""), "cat_to_name.json", "{}"),
			"OxfordFlowers", pets},
		{"food-101", with(pictures("images/x/"), "split_zhou_Food101.json", split("x/"), "meta/train.txt", "x"),
			"Food101", pets},
		{"fgvc_aircraft", aircraft, "FGVCAircraft", "A340-300 707-320"},
		{"sun397", with(pictures("SUN397/a/abbey/"), "split_zhou_SUN397.json", split("a/abbey/")), "SUN397", pets},
		{"dtd", with(pictures("images/x/"), "split_zhou_DescribableTextures.json", split("x/"), "labels/train1.txt",
			"x"), "DescribableTextures", pets},
		{"eurosat", with(pictures("2750/x/"), "split_zhou_EuroSAT.json", split("x/")), "EuroSAT", pets},
		{"ucf101", with(pictures("UCF-101-midframes/x/"), "split_zhou_UCF101.json", split("x/"),
			"ucfTrainTestlist/a.txt", "x"), "UCF101", pets},
		{"imagenetv2", with(map[string]string{}, "imagenetv2-matched-frequency-format-val/0/a.jpeg", "",
			"imagenetv2-matched-frequency-format-val/1/b.jpeg", "", "classnames.txt", names),
			"imagenetv2-matched-frequency-format-val", "tench crane bird"},
		{"imagenet-sketch", inClasses("images"), "imagenet-sketch", "tench crane bird"},
		{"imagenet-adversarial", inClasses("imagenet-a"), "imagenet-a", "tench crane bird"},
		{"imagenet-rendition", with(inClasses("imagenet-r"), "imagenet-r/README.txt", "x"), "imagenet-r",
			"tench crane bird"},
		{"imagenet", with(inClasses("train"), "val/n01440764/v.JPEG", "", "val/n02012849/w.JPEG", "",
			"ILSVRC2012_img_train.tar", "x",
			"val/ILSVRC2012_img_val.tar", "x"), "imagenet", "tench crane bird"},
		// TPT's and TTABC's
		{"OxfordPets", with(pictures(""), "../data_splits/split_zhou_OxfordPets.json", split("")), "OxfordPets", pets},
		{"Flower102", with(pictures("jpg/"), "../data_splits/split_zhou_OxfordFlowers.json", split("")),
			"OxfordFlowers", pets},
		{"DTD", with(pictures("images/x/"), "../data_splits/split_zhou_DescribableTextures.json", split("x/")),
			"DescribableTextures", pets},
		{"EuroSAT", with(pictures("x/"), "../split_zhou_EuroSAT.json", split("x/")), "EuroSAT", pets},
		{"ImageNet", with(inClasses("train"), "val/n01440764/v.JPEG", "", "val/n02012849/w.JPEG", ""), "ImageNet",
			"tench crane bird"},
	} {
		files := map[string]string{}
		for name, content := range test.files {
			files[filepath.ToSlash(filepath.Join(test.folder, name))] = content
		}
		root := filepath.Join(tree(t, files), test.folder)
		set, err := LoadSplit(root, "test")
		if err != nil {
			t.Errorf("%s: %v", test.folder, err)
			continue
		}
		var classes []string
		for _, it := range set.Items {
			classes = append(classes, set.Classes[it.Label])
			if !fileExists(it.Path) {
				t.Errorf("%s: %s is not there", test.folder, it.Path)
			}
		}
		if got := strings.Join(classes, " "); got != test.classes || set.Name != test.name || len(set.Classes) != 2 {
			t.Errorf("%s: %q with items of %q, want %q with %q", test.folder, set.Name, got, test.name, test.classes)
		}
		if NameOf(root) != test.name {
			t.Errorf("%s: NameOf says %q", test.folder, NameOf(root))
		}
	}
}

func TestRootsThatAreNoSetsAreRefused(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"pets without a split file", map[string]string{"images/a.jpg": "", "annotations/list.txt": "x"}, "split_zhou"},
		{"cars without a split file", map[string]string{"cars_train/1.jpg": "", "cars_test/1.jpg": ""},
			"cars_test, cars_train are no classes"},
		{"flat validation pictures", map[string]string{"train/a/1.png": "", "val/ILSVRC2012_val_00000001.JPEG": ""},
			"1 pictures, such as ILSVRC2012_val_00000001.JPEG"},
		{"two split files", map[string]string{"split_zhou_A.json": "{}", "split_zhou_B.json": "{}"},
			"several split files"},
		{"an empty class", map[string]string{"a/1.png": "", "b/notes.txt": "n"},
			`"b"; ignored were 1 file: 1 no picture by its name (b/notes.txt)`},
		{"classes called alike", map[string]string{"blood_test/1.png": "", "eye_test/1.png": ""}, "whole"},
		{"a part that is not there", map[string]string{"train/a/1.png": "", "val/a/1.png": ""}, ""},
	} {
		root := tree(t, test.files)
		set, err := LoadSplit(root, "test")
		if test.want == "whole" {
			if err != nil || len(set.Classes) != 2 {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if test.want == "" {
			if err != nil || set.Split != "val" || !slices.ContainsFunc(set.Notes,
				func(n string) bool { return strings.Contains(n, "no test part") }) {
				t.Errorf("%s: %+v, %v", test.name, set, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

func TestEmptyClassesAreKeptWhenAsked(t *testing.T) {
	root := tree(t, map[string]string{"a/1.png": "", "b/notes.txt": "n", "l.tsv": "a/1.png\t1\tx\n"})
	os.Mkdir(filepath.Join(root, "c"), 0o755)
	set, err := LoadWith(root, Options{AllowEmptyClasses: true})
	if err != nil || !slices.Equal(set.Counts(), []int{1, 0, 0}) {
		t.Errorf("%v, %v", set, err)
	}
	set, err = LoadWith(filepath.Join(root, "l.tsv"), Options{AllowEmptyClasses: true})
	if err != nil || !slices.Equal(set.Classes, []string{"0", "x"}) {
		t.Errorf("%v, %v", set, err)
	}
}

func TestRulesIgnoreAndCount(t *testing.T) {
	set, err := Load(tree(t, map[string]string{
		"a/1.png": "", "a/2.TIFF": "", "a/._1.png": "x", "a/Thumbs.db": "x", "b/deep/3.webp": "", "b/deep/x.txt": "x",
		"__MACOSX/a/._1.png": "x", "__MACOSX/b/y": "x", ".git/config": "x", "loose.png": "", "README": "x",
		"classnames.txt": "a ape\nb bear\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := "3 pictures read of 3; 8 files ignored: 3 made by the system (__MACOSX/a/._1.png, __MACOSX/b/y, " +
		"a/Thumbs.db), " +
		"2 hidden (.git/config, a/._1.png), 2 beside the class folders (README, loose.png), 1 no picture by its name " +
		"(b/deep/x.txt)"
	if got := set.Account().String(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if s := set.Account().Skipped(); s.Ignored != 8 || s.Unreadable != 0 || len(s.Reasons) != 4 ||
		!slices.Equal(set.Folders, []string{"a", "b"}) {
		t.Errorf("%+v, folders %q", s, set.Folders)
	}
}

func TestListsInAllTheirForms(t *testing.T) {
	want := []string{"x/a.png=zebra", "x/b c.png=ape"}
	for name, text := range map[string]string{
		"tabs":             "x/a.png\tzebra\nx/b c.png\tape\n",
		"commas":           "x/a.png,zebra\n\"x/b c.png\",ape\n",
		"spaces":           "x/a.png zebra\nx/b c.png ape\n",
		"a header":         "path\tlabel\nx/a.png\tzebra\nx/b c.png\tape\n",
		"a header, commas": "\ufefflabel,Filepath\nzebra,x/a.png\nape,x/b c.png\n",
		"class only":       "image,class\nx/a.png,zebra\nx/b c.png,ape\n",
		"rows.csv":         "row,file,label,class,class_key\n0,x/a.png,1,zebra,z\n1,x/b c.png,0,ape,y\n",
		"numbers":          "x/a.png\t1\tzebra\nx/b c.png\t0\tape\n",
		"Windows":          "x\\a.png\tzebra\r\nx\\b c.png\tape\r\n",
	} {
		root := tree(t, map[string]string{"l.csv": text, "x/a.png": "", "x/b c.png": ""})
		set, err := Load(filepath.Join(root, "l.csv"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := keys(set); !slices.Equal(got, want) || !slices.Equal(set.Classes, []string{"ape", "zebra"}) {
			t.Errorf("%s: %q of %q", name, got, set.Classes)
		}
	}
}

func TestClassNamesFiles(t *testing.T) {
	list := "x/a.png\t0\nx/b.png\t1\n"
	for _, test := range []struct {
		name, list, names string
		want              []string // nil for an error
		folders           []string
	}{
		{"names alone", list, "great white shark\nfire truck\n", []string{"great white shark", "fire truck"}, nil},
		{"WordNet ids", list, "n01484850 great white shark\nn03345487 fire truck\n", []string{"great white shark",
			"fire truck"}, []string{"n01484850", "n03345487"}},
		{"a tab", list, "gws\tgreat white shark\nft\tfire truck\n", []string{"great white shark", "fire truck"},
			[]string{"gws", "ft"}},
		{"numbers", list, "0 great white shark\n1 fire truck\n", []string{"great white shark", "fire truck"},
			[]string{"0", "1"}},
		{"of named labels", "x/a.png\tgws\nx/b.png\tft\n", "gws great white shark\nft fire truck\n",
			[]string{"great white shark", "fire truck"}, []string{"gws", "ft"}},
		{"names as labels", "x/a.png\tfire truck\n", "great white shark\nfire truck\n", []string{"great white shark",
			"fire truck"}, nil},
		{"a name of two classes as label", "x/a.png\tmissile\n", "missile\nship\nmissile\n", nil, nil},
		{"a folder twice", list, "n01484850 a\nn01484850 b\n", nil, nil},
	} {
		root := tree(t, map[string]string{"l.tsv": test.list, "n.txt": test.names, "x/a.png": "", "x/b.png": ""})
		set, err := LoadWith(filepath.Join(root, "l.tsv"), Options{ClassNames: filepath.Join(root, "n.txt")})
		if test.want == nil {
			if err == nil {
				t.Errorf("%s: classes %q", test.name, set.Classes)
			}
			continue
		}
		if err != nil || !slices.Equal(set.Classes, test.want) || !slices.Equal(set.Folders, test.folders) {
			t.Errorf("%s: %v, %+v", test.name, err, set)
		}
	}
	// Folders: by their names, as the lines are, in order.
	for names, want := range map[string]string{
		"b bear\na great ape\n": "great ape,bear", "a\nb\n": "a,b", "great ape\nbrown bear\n": "great ape,brown bear",
		"a x\nc y\n": "",
	} {
		root := tree(t, map[string]string{"names.txt": names, "set/a/1.png": "", "set/b/1.png": ""})
		set, err := LoadWith(filepath.Join(root, "set"), Options{ClassNames: filepath.Join(root, "names.txt")})
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), `no name for folder "b"`) {
				t.Errorf("%q: %v", names, err)
			}
			continue
		}
		if err != nil || strings.Join(set.Classes, ",") != want {
			t.Errorf("%q: %+v, %v", names, set, err)
		}
	}
}

// A file of names that nobody asked for names folders by their names alone.
func TestNamesFoundBesideAreNotTakenByPlace(t *testing.T) {
	root := tree(t, map[string]string{"classnames.txt": "great ape\nbrown bear\n", "set/a/1.png": "",
		"set/b/1.png": ""})
	if set, err := Load(filepath.Join(root, "set")); err == nil {
		t.Errorf("classes %q", set.Classes)
	}
}

// Folders that are numbers are places in a file of names if they count from 0;
// from 1 they would be one off.
func TestNumberedFoldersArePlacesFromZero(t *testing.T) {
	names := "rose\ntulip\nlily\n"
	root := tree(t, map[string]string{"classnames.txt": names, "0/a.png": "", "2/a.png": ""})
	if set, err := Load(root); err != nil || strings.Join(set.Classes, ",") != "rose,lily" {
		t.Errorf("%+v, %v", set, err)
	}
	root = tree(t, map[string]string{"classnames.txt": names, "1/a.png": "", "2/a.png": ""})
	if set, err := Load(root); err == nil {
		t.Errorf("classes %q", set.Classes)
	}
}

func TestPathsOfOtherMachines(t *testing.T) {
	for name, path := range map[string]string{
		"Windows": `C:\\data\\pets\\images\\cat\\1.png`, "another root": "/gone/data/pets/images/cat/1.png",
		"a share": `\\\\host\\pets\\images\\cat\\1.png`,
	} {
		root := tree(t, map[string]string{"images/cat/1.png": "", "s.json": fmt.Sprintf(`{"test": [["%s", 0, "cat"]]}`,
			path)})
		set, err := LoadSplit(filepath.Join(root, "s.json"), "test")
		if err != nil || !fileExists(set.Items[0].Path) {
			t.Errorf("%s: %+v, %v", name, set, err)
		}
	}
}
