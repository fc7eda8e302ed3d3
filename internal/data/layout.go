package data

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/regular"
)

// layout is how a data set lies on disk: the parts it comes in, none for one
// that is whole, and what reads one of them.
type layout struct {
	path  string
	name  string // of the set; "" leaves it to read
	parts []string
	read  func(part string) (*Set, error)
	notes []string
}

// locate tells the layout of what is at path.
func locate(path string, opt Options) (layout, error) {
	info, err := open(path)
	if err != nil {
		return layout{}, err
	}
	if !info.IsDir() {
		return locateFile(path, opt)
	}
	return locateFolder(path, opt, 0)
}

func locateFile(path string, opt Options) (layout, error) {
	switch kind := strings.ToLower(filepath.Ext(path)); {
	case kind == ".parquet":
		return parquetFiles(path, []string{path}, opt)
	case kind == ".tar":
		return tarFiles(path, []string{path}, opt)
	case strings.HasSuffix(strings.ToLower(path), ".tar.gz") || kind == ".tgz":
		return layout{}, fmt.Errorf("data set %s: compressed; unpack it with gunzip first, pictures are read at random",
			path)
	case isJSON(path):
		return splitFile(path, []string{filepath.Dir(path)}, opt)
	}
	return layout{path: path, read: func(string) (*Set, error) { return loadList(path, opt) }}, nil
}

// maxWrappers is how many folders that hold nothing but the next are opened.
const maxWrappers = 4

// locateFolder tells a published root from a folder of classes.
func locateFolder(dir string, opt Options, depth int) (layout, error) {
	files, folders, err := namesIn(dir)
	if err != nil {
		return layout{}, err
	}
	if l, ok, err := publishedRoot(dir, files, opt); ok || err != nil {
		return l, err
	}
	for _, kind := range []struct {
		ext  string
		read func(path string, files []string, opt Options) (layout, error)
	}{{".parquet", parquetFiles}, {".tar", tarFiles}} {
		if shards := shardsIn(dir, files, folders, kind.ext); len(shards) > 0 {
			return kind.read(dir, shards, opt)
		}
	}
	if parts := partFolders(folders); parts["train"] != "" && (parts["val"] != "" || parts["test"] != "") {
		l := layout{path: dir}
		for _, part := range []string{"train", "val", "test"} {
			if parts[part] != "" {
				l.parts = append(l.parts, part)
			}
		}
		l.name, _ = nameOf(dir)
		l.read = func(part string) (*Set, error) { return loadFolder(filepath.Join(dir, parts[part]), opt) }
		return l, nil
	}
	if inner := wrapped(dir, folders); inner != "" && depth < maxWrappers {
		l, err := locateFolder(inner, opt, depth+1)
		l.notes = append([]string{fmt.Sprintf("%s: the classes are in %s", dir, filepath.Base(inner))}, l.notes...)
		return l, err
	}
	name, _ := nameOf(dir)
	return layout{path: dir, name: name, read: func(string) (*Set, error) { return loadFolder(dir, opt) }}, nil
}

// namesIn lists a folder's files and folders that no rule ignores.
func namesIn(dir string) (files, folders []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("data set %s: %w", dir, cause(err))
	}
	for _, e := range entries {
		switch {
		case ignored(e.Name()) != "":
		case isDir(filepath.Join(dir, e.Name())):
			folders = append(folders, e.Name())
		default:
			files = append(files, e.Name())
		}
	}
	return files, folders, nil
}

// partFolders finds the folders of parts.
func partFolders(folders []string) map[string]string {
	parts := map[string]string{}
	for _, f := range folders {
		if part := partOf(strings.ToLower(f)); part != "" && (parts[part] == "" || f == part) {
			parts[part] = f
		}
	}
	return parts
}

// wrapped is the folder in dir that holds the classes or the parts: images with
// train and val in it, or the only folder, if it holds folders and no pictures.
func wrapped(dir string, folders []string) string {
	for _, f := range folders {
		if !isNoClass(f) {
			continue
		}
		_, inner, err := namesIn(filepath.Join(dir, f))
		if parts := partFolders(inner); err == nil && parts["train"] != "" && (parts["val"] != "" ||
			parts["test"] != "") {
			return filepath.Join(dir, f)
		}
	}
	if len(folders) != 1 {
		return ""
	}
	inner := filepath.Join(dir, folders[0])
	files, deeper, err := namesIn(inner)
	if err != nil || len(deeper) == 0 || slices.ContainsFunc(files, isPicture) {
		return ""
	}
	return inner
}

// shardsIn lists the files of a kind in a folder without folders, else in the
// folder data or those of parts, if those have none. An archive beside folders
// is what they were unpacked from.
func shardsIn(dir string, files, folders []string, ext string) []string {
	of := func(dir string, files []string) (out []string) {
		for _, f := range files {
			if strings.EqualFold(filepath.Ext(f), ext) {
				out = append(out, filepath.Join(dir, f))
			}
		}
		return out
	}
	if len(folders) == 0 {
		return of(dir, files)
	}
	var out []string
	for _, f := range folders {
		if f == "data" || partOf(strings.ToLower(f)) != "" {
			inner, deeper, err := namesIn(filepath.Join(dir, f))
			if err == nil && len(deeper) == 0 {
				out = append(out, of(filepath.Join(dir, f), inner)...)
			}
		}
	}
	slices.Sort(out)
	return out
}

// isJSON tells a split file by its name or, failing that, by its first byte.
func isJSON(path string) bool {
	if strings.EqualFold(filepath.Ext(path), ".json") {
		return true
	}
	f, err := regular.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	return strings.HasPrefix(strings.TrimLeft(string(head[:n]), " \t\r\n"), "{")
}
