package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var when = time.Unix(1700000000, 0).UTC()

func sample(t *testing.T, order ...int) []file {
	all := []file{{"a/LICENSE", 0o644, []byte("free")}, {"b", 0o755, bytes.Repeat([]byte("program"), 1000)}, {"c", 0o644, nil}}
	var out []file
	for _, i := range order {
		out = append(out, all[i])
	}
	out, err := sorted(out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnArchiveIsTheSameWhateverTheOrder(t *testing.T) {
	for name, pack := range map[string]func(io.Writer, string, []file, time.Time) error{"tar": tarGz, "zip": zipped} {
		var one, two bytes.Buffer
		if err := pack(&one, "x", sample(t, 0, 1, 2), when); err != nil {
			t.Fatal(err)
		}
		if err := pack(&two, "x", sample(t, 2, 0, 1), when); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: other bytes", name)
		}
	}
	if _, err := sorted([]file{{name: "a"}, {name: "b"}, {name: "a"}}); err == nil {
		t.Error("one name twice was taken")
	}
}

func TestArchivesCanBeRead(t *testing.T) {
	var b bytes.Buffer
	if err := tarGz(&b, "x", sample(t, 0, 1, 2), when); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(z)
	for _, f := range sample(t, 0, 1, 2) {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || h.Name != "x/"+f.name || !bytes.Equal(data, f.data) || h.FileInfo().Mode() != f.mode ||
			!h.ModTime.Equal(when) || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s: %+v, %d bytes, %v", f.name, h, len(data), err)
		}
	}
	b.Reset()
	if err := zipped(&b, "x", sample(t, 0, 1, 2), when); err != nil {
		t.Fatal(err)
	}
	in, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(in.File) != 3 || in.File[1].Name != "x/b" || in.File[1].Mode() != 0o755 || !in.File[1].Modified.Equal(when) {
		t.Errorf("%d files: %+v", len(in.File), in.File)
	}
}

func TestAModuleWithoutALicenceIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"m/LICENCE.txt": "free", "m/license.go": "package m", "m/NOTICE": "by me",
		"m/licenses/mit.txt": "mit", "m/in/COPYING": "other", "n/AUTHORS": "nobody"} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, n := "licences/m@v1", "licences/n@v2"
	dirs := map[string]string{m: filepath.Join(dir, "m"), m + "/in": filepath.Join(dir, "m", "in")}
	found, err := gather(map[string]bool{m: true}, dirs)
	if err != nil {
		t.Fatal(err)
	}
	if found, err = sorted(found); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found {
		names = append(names, strings.TrimPrefix(f.name, m+"/"))
	}
	if got := strings.Join(names, " "); got != "LICENCE.txt NOTICE in/COPYING licenses/mit.txt" {
		t.Errorf("found %s", got)
	}
	dirs[n] = filepath.Join(dir, "n")
	if _, err := gather(map[string]bool{m: true, n: true}, dirs); err == nil || !strings.Contains(err.Error(), "n@v2") {
		t.Errorf("error %v", err)
	}
}
