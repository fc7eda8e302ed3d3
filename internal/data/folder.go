package data

import (
	"cmp"
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
// class folders, and items are sorted by folder and name within a class.
func loadFolder(root string, opt Options) (*Set, error) {
	l := lister{root: root}
	folders, err := l.classFolders(root)
	if err != nil {
		return nil, err
	}
	sortFolders(folders)
	set := &Set{Root: root, Folders: folders}
	set.Name, set.Split = nameOf(root)
	if set.Classes, err = set.nameFolders(opt); err != nil {
		return nil, err
	}
	var empty []string
	for label, folder := range folders {
		before := len(l.ignored)
		paths, err := l.pictures(filepath.Join(root, folder))
		if err != nil {
			return nil, fmt.Errorf("data set %s: %w", root, err)
		}
		if len(paths) == 0 {
			empty = append(empty, fmt.Sprintf("%q%s", folder, afterCount(l.ignored[before:])))
		}
		for _, p := range paths {
			set.Items = append(set.Items, Item{Path: p, Label: label})
		}
	}
	set.Ignored = l.ignored
	if len(empty) > 0 && len(set.Items) > 0 && !opt.AllowEmptyClasses {
		return nil, fmt.Errorf("data set %s: class folders without a picture: %s: put pictures into them, take them out, "+
			"or keep them as classes with --allow-empty-classes",
			root, listed(empty, 5))
	}
	return set, nil
}

// classFolders lists the folders in root that are classes.
func (l *lister) classFolders(root string) (folders []string, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", root, cause(err))
	}
	var loose []string // pictures that lie in no class folder
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		rule := ignored(e.Name())
		switch folder := isDir(path); {
		case folder && rule == "":
			folders = append(folders, e.Name())
		case folder:
			l.ignoreAll(path, rule)
		case e.Name() == classNamesFile:
		case rule != "":
			l.ignore(path, rule)
		default:
			if imageio.IsPicture(e.Name()) {
				loose = append(loose, e.Name())
			}
			l.ignore(path, ruleBeside)
		}
	}
	switch {
	case len(folders) == 0 && len(loose) > 0:
		return nil, fmt.Errorf("data set %s: no class folders in it, but %d pictures, such as %s: sort them into one "+
			"folder a class, or name them in a list (.tsv: path, label)",
			root, len(loose), loose[0])
	case len(folders) == 0:
		return nil, fmt.Errorf("data set %s: no class folders in it", root)
	case noClasses(folders):
		return nil, fmt.Errorf("data set %s: its folders %s are no classes, and no split file (split_zhou_*.json) lies "+
			"beside them: name the folder of the class folders, a split file or a list",
			root, strings.Join(folders, ", "))
	}
	return folders, nil
}

// otherNames are folders of data sets as they are published that are no
// classes, where there is nothing else.
var otherNames = []string{"images", "image", "img", "imgs", "jpg", "jpegs", "jpegimages", "annotations", "labels",
	"devkit", "meta", "lists", "data", "train", "val", "test"}

func isNoClass(folder string) bool { return slices.Contains(otherNames, strings.ToLower(folder)) }

// noClasses reports whether folders are no classes, all of them: none has a
// class's name, or they are called as parts of one thing (cars_train, cars_test).
func noClasses(folders []string) bool {
	other, stems := true, map[string]bool{}
	for _, f := range folders {
		other = other && isNoClass(f)
		stem, part, _ := strings.Cut(strings.ToLower(f), "_")
		if partOf(part) == "" {
			stem = f
		}
		stems[stem] = true
	}
	return other || len(folders) > 1 && len(stems) == 1
}

// sortFolders sorts names as strings, as torchvision's ImageFolder does, or by
// value when all are numbers: ImageNet-V2 names its folders 0 to 999 by label.
func sortFolders(folders []string) {
	slices.Sort(folders)
	if numbers, _ := numbered(folders); !numbers {
		return
	}
	slices.SortStableFunc(folders, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
}

// nameFolders names the classes: from a file of class names where there is one,
// else by the folders.
func (s *Set) nameFolders(opt Options) ([]string, error) {
	path := opt.ClassNames
	if path == "" {
		for _, dir := range []string{s.Root, filepath.Dir(s.Root), filepath.Dir(filepath.Dir(s.Root))} {
			if p := filepath.Join(dir, classNamesFile); fileExists(p) {
				path = p
				break
			}
		}
	}
	if path == "" {
		if names := imageNetNames(s.Root, s.Folders); names != nil {
			s.note("%s: no %s beside its folders: their names are ImageNet's, as CoOp has them", s.Root, classNamesFile)
			return names, nil
		}
		return slices.Clone(s.Folders), nil
	}
	file, err := ReadClassNames(path)
	if err != nil {
		return nil, err
	}
	names, note, err := file.ofFolders(s.Folders, opt.ClassNames != "")
	if note != "" {
		s.note("%s", note)
	}
	return names, err
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// sortPaths sorts by folder and, within, by name, as ImageFolder does.
func sortPaths(paths []string) {
	slices.SortFunc(paths, func(a, b string) int {
		return cmp.Or(strings.Compare(filepath.Dir(a), filepath.Dir(b)), strings.Compare(a, b))
	})
}

func errTooDeep(path string) error {
	return fmt.Errorf("folders nested more than %d deep at %s", maxDepth, path)
}

// cause drops the path that an os error repeats.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
