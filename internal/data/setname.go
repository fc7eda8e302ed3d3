package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// genericNames are folder names that say nothing about a data set.
var genericNames = []string{"train", "val", "valid", "validation", "test", "images", "data"}

// nameOf names a set by its folder, or by the nearest folder above with a
// telling name, and says which split the generic names stand for:
// imagenet/images/val is split val of imagenet.
func nameOf(root string) (name, split string) {
	path, split := tellingFolder(root)
	if filepath.Dir(path) == path {
		path = root
	}
	return filepath.Base(path), split
}

// tellingFolder is the folder that nameOf names a set by, or the root of the
// file system where there is none.
func tellingFolder(root string) (path, split string) {
	path, err := filepath.Abs(root)
	if err != nil {
		path = filepath.Clean(root)
	}
	for filepath.Dir(path) != path {
		lower := strings.ToLower(filepath.Base(path))
		if !slices.Contains(genericNames, lower) {
			break
		}
		if part := partOf(lower); split == "" && part != "" {
			split = part
		}
		path = filepath.Dir(path)
	}
	return path, split
}

// partOf is the part that a folder of this name holds, "" if none.
func partOf(folder string) string {
	switch folder {
	case "train", "val", "test":
		return folder
	case "valid", "validation":
		return "val"
	}
	return ""
}

// splitName turns split_zhou_OxfordPets.json into OxfordPets.
func splitName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return strings.TrimPrefix(strings.TrimPrefix(name, "split_"), "zhou_")
}

// NameOf is the name that the set at spec has, or had when it was there.
func NameOf(spec string) string {
	path, _, _ := cutSplit(spec)
	if l, err := locate(path, Options{nameOnly: true}); err == nil && l.name != "" {
		return l.name
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return splitName(path)
	case ".tsv", ".csv", ".txt", ".parquet", ".tar":
		path = strings.TrimSuffix(path, filepath.Ext(path))
	}
	name, _ := nameOf(path)
	return name
}

// PartAndHalf are the part of a data set that a spec names and the half of its
// classes, "" for what it does not name.
func PartAndHalf(spec string) (part, half string) {
	_, part, half = cutSplit(spec)
	return part, half
}

// PartRead is the part that a spec stands for where fallback is read of a set that
// has parts, "" for a set without; known is false where the set is not there to
// look.
func PartRead(spec, fallback string) (part string, known bool) {
	path, split, _ := cutSplit(spec)
	if split != "" {
		return split, true
	}
	l, err := locate(path, Options{nameOnly: true})
	if err != nil {
		return "", false
	}
	part, err = l.choose(Options{Fallback: fallback})
	return part, err == nil
}

// SamePlace reports whether two specs are of one data set on disk, of whatever
// part of it.
func SamePlace(a, b string) bool {
	place := func(spec string) string {
		path, _, _ := cutSplit(spec)
		path, _ = tellingFolder(path)
		return path
	}
	return place(a) == place(b)
}

// cutSplit separates "path#part#half", part and half in either order, each if it is
// there; a path that exists as written is not cut.
func cutSplit(spec string) (path, split, half string) {
	for path = spec; ; {
		if _, err := os.Stat(path); err == nil {
			return path, split, half
		}
		i := strings.LastIndexByte(path, '#')
		switch word := path[i+1:]; {
		case i <= 0:
			return path, split, half
		case validSplit(word) && split == "":
			split = word
		case validHalf(word) && half == "":
			half = word
		default:
			return path, split, half
		}
		path = path[:i]
	}
}

func validSplit(s string) bool { return s == "train" || s == "val" || s == "test" }
