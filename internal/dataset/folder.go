package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// pictureSuffixes are the file names a folder set takes for pictures. The
// format is still told from the content when the file is read.
var pictureSuffixes = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif"}

// classNamesFile is the name CoOp gives the class names beside the classes.
const classNamesFile = "classnames.txt"

// loadFolder reads root/class/*.image. Labels are the ranks of the sorted
// class folders, and items are sorted by path within a class.
func loadFolder(root string, opt Options) (*Set, error) {
	name := filepath.Base(filepath.Clean(root))
	if opt.Split != "" {
		part := filepath.Join(root, opt.Split)
		if !isDir(part) {
			return nil, fmt.Errorf("data set %s: no folder %q in it", root, opt.Split)
		}
		name, root = name+"-"+opt.Split, part
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
	set := &Set{Name: name, Root: root, Classes: classes}
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

// pictures lists the picture files of a class folder and the folders in it,
// sorted by path.
func pictures(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(e.Name(), ".") && path != dir
		if e.IsDir() {
			if hidden {
				return filepath.SkipDir
			}
			return nil
		}
		if !hidden && slices.Contains(pictureSuffixes, strings.ToLower(filepath.Ext(path))) {
			paths = append(paths, path)
		}
		return nil
	})
	slices.Sort(paths)
	return paths, err
}
