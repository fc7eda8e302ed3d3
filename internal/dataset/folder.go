package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/imageio"
)

// classNamesFile is the name CoOp gives the class names beside the classes.
const classNamesFile = "classnames.txt"

// loadFolder reads root/class/*.image. Labels are the ranks of the sorted
// class folders, and items are sorted by path within a class.
func loadFolder(root string, opt Options) (*Set, error) {
	if opt.Split != "" {
		part := filepath.Join(root, opt.Split)
		if !isDir(part) {
			return nil, fmt.Errorf("data set %s: no folder %q in it", root, opt.Split)
		}
		root = part
	} else if hasSplits(root) {
		return nil, fmt.Errorf("data set %s: %w in it; add #train, #val or #test", root, ErrNoSplit)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", root, cause(err))
	}
	var folders []string
	for _, e := range entries {
		if isDir(filepath.Join(root, e.Name())) && !strings.HasPrefix(e.Name(), ".") {
			folders = append(folders, e.Name())
		}
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("data set %s: no class folders in it", root)
	}
	sortFolders(folders)
	classes, err := folderClasses(root, folders, opt)
	if err != nil {
		return nil, err
	}
	set := &Set{Root: root, Classes: classes}
	set.Name, set.Split = nameOf(root)
	for label, folder := range folders {
		paths, err := pictures(filepath.Join(root, folder))
		if err != nil {
			return nil, fmt.Errorf("data set %s: %w", root, err)
		}
		for _, p := range paths {
			set.Items = append(set.Items, Item{Path: p, Label: label})
		}
	}
	return set, nil
}

// sortFolders sorts names as strings, as torchvision's ImageFolder does, or by
// value when all are numbers: ImageNet-V2 names its folders 0 to 999 by label.
func sortFolders(folders []string) {
	slices.Sort(folders)
	for _, f := range folders {
		if _, err := strconv.ParseUint(f, 10, 31); err != nil {
			return
		}
	}
	slices.SortStableFunc(folders, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
}

// folderClasses names the classes: from a file of class names where there is
// one, else by the folders.
func folderClasses(root string, folders []string, opt Options) ([]string, error) {
	path := opt.ClassNames
	if path == "" {
		for _, dir := range []string{root, filepath.Dir(root), filepath.Dir(filepath.Dir(root))} {
			if p := filepath.Join(dir, classNamesFile); fileExists(p) {
				path = p
				break
			}
		}
	}
	if path == "" {
		return slices.Clone(folders), nil
	}
	names, err := ReadClassNames(path)
	if err != nil {
		return nil, err
	}
	classes := make([]string, len(folders))
	for i, folder := range folders {
		if name, ok := names.name(folder); ok {
			classes[i] = name
			continue
		}
		return nil, fmt.Errorf("class names %s: no name for folder %q", path, folder)
	}
	return classes, nil
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// maxDepth bounds the folders within a class folder, and links that go round.
const maxDepth = 8

// pictures lists the picture files of a class folder and the folders in it,
// sorted by path. Links are followed; hidden names are not.
func pictures(dir string) ([]string, error) {
	var paths []string
	var walk func(dir string, depth int) error
	walk = func(dir string, depth int) error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
			case e.IsDir() || e.Type()&os.ModeSymlink != 0 && isDir(path):
				if depth == maxDepth {
					return fmt.Errorf("folders nested more than %d deep at %s", maxDepth, path)
				}
				if err := walk(path, depth+1); err != nil {
					return err
				}
			case imageio.IsPicture(path):
				paths = append(paths, path)
			}
		}
		return nil
	}
	err := walk(dir, 1)
	slices.Sort(paths)
	return paths, err
}

// genericNames are folder names that say nothing about a data set.
var genericNames = []string{"train", "val", "test", "images", "data"}

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
		if split == "" && validSplit(lower) {
			split = lower
		}
		path = filepath.Dir(path)
	}
	return path, split
}
