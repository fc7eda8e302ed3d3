package clipcalib_test

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// packagesOf lists the module's packages, by folder; the programs below scripts
// and examples are no rooms of the house.
func packagesOf(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || path == "scripts" ||
			path == "examples" || path == "bin") {
			return filepath.SkipDir
		}
		if files, _ := filepath.Glob(filepath.Join(path, "*.go")); slices.ContainsFunc(files, func(f string) bool {
			return !strings.HasSuffix(f, "_test.go")
		}) {
			out = append(out, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheMapHasEveryPackage(t *testing.T) {
	text, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ").FindAllStringSubmatch(string(text), -1) {
		listed[m[1]] = true
	}
	for _, p := range packagesOf(t) {
		name := p
		if p == "." {
			name = "clipcalib"
		}
		if !listed[name] {
			t.Errorf("docs/ARCHITECTURE.md: no line for %s", name)
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("docs/ARCHITECTURE.md: %s is no package", name)
	}
}

// TestNothingImportsUpwards holds the table of floors against the imports.
func TestNothingImportsUpwards(t *testing.T) {
	text, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	floor := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d) [a-z, ]+ \| (.*) \|$`).FindAllStringSubmatch(string(text), -1) {
		n, _ := strconv.Atoi(m[1])
		for _, p := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[2], -1) {
			floor[p[1]] = n
		}
	}
	if len(floor) < 25 {
		t.Fatalf("%d packages have a floor", len(floor))
	}
	floorOf := func(p string) int {
		for q := p; q != "."; q = filepath.Dir(q) {
			if n, ok := floor[q]; ok {
				return n
			}
		}
		return 1 // the small ones
	}
	for _, p := range packagesOf(t) {
		name := strings.Replace(p, ".", "clipcalib", 1)
		info, err := build.ImportDir(p, 0)
		if err != nil {
			if _, none := err.(*build.NoGoError); none {
				continue
			}
			t.Fatal(err)
		}
		for _, path := range info.Imports {
			if path != "clipcalib" && !strings.HasPrefix(path, "clipcalib/") {
				continue
			}
			other := path
			if path != "clipcalib" {
				other = strings.TrimPrefix(path, "clipcalib/")
			}
			if floorOf(other) > floorOf(name) {
				t.Errorf("%s (floor %d) imports %s (floor %d)", name, floorOf(name), other, floorOf(other))
			}
		}
	}
}
