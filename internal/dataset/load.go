package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Options says how a data set is read where its files leave it open.
type Options struct {
	// Split is the part wanted: "train", "val" or "test". Empty takes the
	// whole of a folder or list, and is an error for a split file.
	Split string
	// Fallback is the part taken where none is chosen and the set has parts.
	Fallback string
	// ImageRoot is the folder that relative paths of a split file or list
	// start from. Empty looks in the usual places beside the file.
	ImageRoot string
	// ClassNames is a file of class names (see [ReadClassNames]). Empty uses
	// classnames.txt beside the classes, if there is one.
	ClassNames string
	// KeepUnderscores keeps underscores in class names; otherwise they become
	// spaces, as prompts want them.
	KeepUnderscores bool
}

// Load reads the data set at spec, which is a folder of class folders, a CoOp
// split file (.json), or a list (.tsv, .txt: path, tab, label or class name).
// A suffix "#train", "#val" or "#test" picks a split.
func Load(spec string) (*Set, error) { return LoadWith(spec, Options{}) }

// LoadSplit is [Load] with a split to fall back on when spec has no suffix and
// the data set has splits; a set without splits is taken whole.
func LoadSplit(spec, split string) (*Set, error) {
	return LoadWith(spec, Options{Fallback: split})
}

// LoadWith is [Load] with options. A suffix of spec wins over opt.Split.
func LoadWith(spec string, opt Options) (*Set, error) {
	path, split := cutSplit(spec)
	if split != "" {
		opt.Split = split
	}
	if opt.Split == "" && hasSplits(path) {
		opt.Split = opt.Fallback
	}
	if opt.Split != "" && !validSplit(opt.Split) {
		return nil, fmt.Errorf("data set %s: split %q, want train, val or test", path, opt.Split)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w (want a folder with one folder per class, a split .json or a .tsv list)", path, cause(err))
	}
	var set *Set
	switch {
	case info.IsDir():
		set, err = loadFolder(path, opt)
	case isJSON(path):
		set, err = loadSplitFile(path, opt)
	default:
		set, err = loadList(path, opt)
	}
	if err != nil {
		return nil, err
	}
	if !opt.KeepUnderscores {
		for i, name := range set.Classes {
			set.Classes[i] = strings.ReplaceAll(name, "_", " ")
		}
	}
	return set, set.Check()
}

// NameOf is the name that the set at spec has, or had when it was there.
func NameOf(spec string) string {
	path, _ := cutSplit(spec)
	if filepath.Ext(path) == ".json" {
		return splitName(path)
	}
	if ext := filepath.Ext(path); ext == ".tsv" || ext == ".txt" {
		path = strings.TrimSuffix(path, ext)
	}
	name, _ := nameOf(path)
	return name
}

// SamePlace reports whether two specs are of one data set on disk, of whatever
// part of it.
func SamePlace(a, b string) bool {
	place := func(spec string) string {
		path, _ := cutSplit(spec)
		path, _ = tellingFolder(path)
		return path
	}
	return place(a) == place(b)
}

// cutSplit separates "path#split"; a path that exists as written is not cut.
func cutSplit(spec string) (path, split string) {
	if _, err := os.Stat(spec); err == nil {
		return spec, ""
	}
	if i := strings.LastIndexByte(spec, '#'); i > 0 && validSplit(spec[i+1:]) {
		return spec[:i], spec[i+1:]
	}
	return spec, ""
}

func validSplit(s string) bool { return s == "train" || s == "val" || s == "test" }

// hasSplits reports whether the set at path comes in parts.
func hasSplits(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return err == nil && isJSON(path)
	}
	return isDir(filepath.Join(path, "train")) && (isDir(filepath.Join(path, "test")) || isDir(filepath.Join(path, "val")))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// isJSON tells a split file by its name or, failing that, by its first byte.
func isJSON(path string) bool {
	if strings.EqualFold(filepath.Ext(path), ".json") {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := f.Read(head)
	return strings.HasPrefix(strings.TrimLeft(string(head[:n]), " \t\r\n"), "{")
}

// cause drops the path that an os error repeats.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
