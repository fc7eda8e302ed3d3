package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// contained are the rows of a container, as the script that wrote it says.
type contained struct {
	Label  int
	SHA256 string
}

func containers(t *testing.T) map[string]map[string][]contained {
	t.Helper()
	text, err := os.ReadFile("testdata/containers.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]map[string][]contained
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	return golden
}

// namesFile writes the names of the containers' classes.
func namesFile(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "names.txt")
	if err := os.WriteFile(path, []byte("ape\nbear\ncat_fish\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestContainersHoldWhatPythonWrote(t *testing.T) {
	names := namesFile(t, t.TempDir())
	for file, parts := range containers(t) {
		opt := Options{}
		switch file {
		case "two.parquet":
			opt.LabelColumn = "fine_label"
		case "bare.parquet", "cls.tar", "json.tar":
			opt.ClassNames = names
		}
		path := filepath.Join("testdata", file)
		set, err := LoadWith(path, opt)
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.Equal(set.Classes, []string{"ape", "bear", "cat fish"}) ||
			set.Name != strings.TrimSuffix(strings.TrimSuffix(file, ".tar"), ".parquet") {
			t.Errorf("%s: %q with classes %q", file, set.Name, set.Classes)
		}
		want := parts[""]
		if len(set.Items) != len(want) {
			t.Errorf("%s: %d items, want %d", file, len(set.Items), len(want))
			continue
		}
		check := func(i int) {
			content, err := set.Items[i].Bytes()
			sum := sha256.Sum256(content)
			if err != nil || hex.EncodeToString(sum[:]) != want[i].SHA256 || set.Items[i].Label != want[i].Label {
				t.Errorf("%s, row %d: label %d, %v; want %+v", file, i, set.Items[i].Label, err, want[i])
			}
			if _, err := set.Items[i].Image(); err != nil {
				t.Error(err)
			}
		}
		for i := range want {
			check(i)
		}
		// Any order, and several at once.
		order := rand.New(rand.NewPCG(1, 2)).Perm(len(want))
		var group sync.WaitGroup
		for _, i := range order {
			group.Go(func() { check(i) })
		}
		group.Wait()
		if key := set.Items[3].Key(set.Root); !strings.HasPrefix(key, file+"#") {
			t.Errorf("%s: key %q", file, key)
		}
		if _, err := set.Fingerprint(""); err != nil {
			t.Error(err)
		}
	}
}

func TestContainersThatLeaveSomethingOpenAreRefused(t *testing.T) {
	dir := t.TempDir()
	damaged, err := os.ReadFile("testdata/plain.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cut.parquet": damaged[:len(damaged)/2], "cut.tar": make([]byte, 700),
		"x.tar.gz": {0x1f, 0x8b}} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"testdata/two.parquet": "--label-column", filepath.Join(dir, "cut.parquet"): "no parquet file",
		filepath.Join(dir, "cut.tar"): "cut.tar", filepath.Join(dir, "x.tar.gz"): "gunzip",
	} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	for _, file := range []string{"bare.parquet", "cls.tar"} {
		set, err := Load(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := set.CheckNames(); err == nil || !strings.Contains(err.Error(), "numbers") {
			t.Errorf("%s: names %q: %v", file, set.Classes, err)
		}
	}
}

// Damaged parquet files give errors or pictures that fail, and never a panic.
func TestDamagedParquetFilesAreErrors(t *testing.T) {
	whole, err := os.ReadFile("testdata/snappy.parquet")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	path := filepath.Join(t.TempDir(), "x.parquet")
	for range 300 {
		broken := slices.Clone(whole)
		for range 1 + rng.IntN(4) {
			broken[rng.IntN(len(broken))] = byte(rng.IntN(256))
		}
		if err := os.WriteFile(path, broken, 0o644); err != nil {
			t.Fatal(err)
		}
		set, err := Load(path)
		if err != nil {
			continue
		}
		for i := range set.Items {
			_, _ = set.Items[i].Image()
		}
	}
}

// copyFile copies a file of testdata.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", from))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestShardsAreOfTheirParts(t *testing.T) {
	hub := t.TempDir()
	for i, file := range []string{"plain", "snappy"} {
		copyFile(t, file+".parquet", filepath.Join(hub, "birds", "data", fmt.Sprintf("train-%05d-of-00002.parquet", i)))
	}
	copyFile(t, "zstd.parquet", filepath.Join(hub, "birds", "data", "validation-00000-of-00001.parquet"))
	web := filepath.Join(t.TempDir(), "wds")
	copyFile(t, "cls.tar", filepath.Join(web, "train", "0.tar"))
	copyFile(t, "json.tar", filepath.Join(web, "test", "0.tar"))
	copyFile(t, "cls.tar", filepath.Join(web, "test", "1.tar"))
	if err := os.WriteFile(filepath.Join(web, "classnames.txt"), []byte("ape\nbear\ncat_fish\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		spec, fallback string
		name, split    string
		items, ignored int
	}{
		{filepath.Join(hub, "birds"), "train", "birds", "train", 34, 0},
		{filepath.Join(hub, "birds"), "test", "birds", "val", 12, 0},
		{filepath.Join(hub, "birds") + "#val", "", "birds", "val", 12, 0},
		{web, "train", "wds", "train", 7, 0},
		{web, "test", "wds", "test", 12, 2},
	} {
		set, err := LoadWith(test.spec, Options{Fallback: test.fallback})
		if err != nil {
			t.Error(err)
			continue
		}
		if set.Name != test.name || set.Split != test.split || len(set.Items) != test.items ||
			len(set.Ignored) != test.ignored || set.Classes[2] != "cat fish" {
			t.Errorf("%s %s: %q %q, %d items, %d ignored, classes %q", test.spec, test.fallback, set.Name, set.Split,
				len(set.Items), len(set.Ignored), set.Classes)
		}
	}
}

// Names of shards say how many there are: a part of a download is no set.
func TestShardsMustAllBeThere(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"test-00000-of-00002.parquet"}, "one of 2 files, and 1 are there"},
		{[]string{"test-00000-of-00002-0a1b.parquet", "test-00000-of-00002-2c3d.parquet"}, "are one part of the set"},
		{[]string{"test-00000-of-00001.parquet", "test-00000-of-00002.parquet"}, "different numbers of files"},
		{[]string{"test-00000-of-00002-0a1b.parquet", "test-00001-of-00002-2c3d.parquet"}, ""},
		{[]string{"test-1-of-2.parquet", "test-2-of-2.parquet"}, ""},
		{[]string{"train-00000-of-00009.parquet", "test-00000-of-00001.parquet"}, ""}, // train is not read
	} {
		hub := filepath.Join(t.TempDir(), "birds")
		for i, file := range c.files {
			copyFile(t, []string{"plain", "snappy"}[i]+".parquet", filepath.Join(hub, "data", file))
		}
		_, err := LoadWith(hub+"#test", Options{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c.files, err, c.want)
		}
	}
	// One that is named is meant.
	file := filepath.Join(t.TempDir(), "test-00000-of-00002.parquet")
	copyFile(t, "plain.parquet", file)
	if _, err := LoadWith(file, Options{}); err != nil {
		t.Error(err)
	}
}

func TestPicturesOfContainersAndFolders(t *testing.T) {
	root := tree(t, map[string]string{"a/1.png": "", "a.png": "", "notes.txt": "n", "x.odd": ""})
	set, err := Pictures([]string{root, "testdata/two.parquet", "testdata/json.tar", filepath.Join(root, "x.odd")})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Items) != 2+4+5+1 || len(set.Ignored) != 2+2 || filepath.Base(set.Items[0].Path) != "1.png" {
		t.Errorf("%d items, first %s, ignored %+v", len(set.Items), set.Items[0].Path, set.Ignored)
	}
	for i := range set.Items {
		if _, err := set.Open(i); err != nil {
			t.Error(err)
		}
	}
	if _, err := Pictures([]string{filepath.Join(root, "a", "..", "none")}); err == nil {
		t.Error("no error for a file that is not there")
	}
	if _, err := Pictures([]string{tree(t, map[string]string{"notes.txt": "n"})}); err == nil ||
		!strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("%v", err)
	}
}

func FuzzIndexTar(f *testing.F) {
	for _, name := range []string{"cls.tar", "json.tar", "txt.tar"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content[:min(len(content), 4096)])
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		pictures, _, err := IndexTar(bytes.NewReader(archive))
		if err != nil {
			return
		}
		for _, m := range pictures {
			_, _ = tarLabel(m.Beside)
			if content, err := m.Read(bytes.NewReader(archive)); err == nil && int64(len(content)) != m.Length {
				t.Fatalf("%d bytes of %d", len(content), m.Length)
			}
		}
	})
}
