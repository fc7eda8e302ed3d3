package data

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/imageio"
)

// The rules by which files are ignored; each counts its files.
const (
	ruleHidden = "hidden"
	ruleSystem = "made by the system"
	ruleName   = "no picture by its name"
	ruleBeside = "beside the class folders"
	ruleMember = "other members of the archive"
)

// systemNames are files and folders that operating systems leave about.
var systemNames = []string{"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN",
	"System Volume Information"}

// Ignored says which rule leaves a file or folder of this name out, "" if none.
func Ignored(name string) string { return ignored(name) }

// ignored says which rule leaves a file or folder of this name out, "" if none.
func ignored(name string) string {
	if strings.HasPrefix(name, ".") {
		return ruleHidden
	}
	for _, s := range systemNames {
		if strings.EqualFold(name, s) {
			return ruleSystem
		}
	}
	return ""
}

// lister collects the pictures below a folder and what rules leave out.
type lister struct {
	root    string // that names of ignored files are relative to
	ignored []LeftOut
}

func (l *lister) ignore(path, rule string) {
	l.ignored = append(l.ignored, LeftOut{File: Item{Path: path}.Key(l.root), Reason: rule})
}

// ignoreAll counts the files below an ignored folder.
func (l *lister) ignoreAll(dir, rule string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && d != nil && d.IsDir():
			return fs.SkipDir // nobody wants what is in it
		case err == nil && !d.IsDir():
			l.ignore(path, rule)
		}
		return nil
	})
}

// maxDepth bounds the folders within a class folder, and links that go round.
const maxDepth = 8

// pictures lists the picture files of a folder, then those of each folder below.
// Links are followed.
func (l *lister) pictures(dir string) ([]string, error) {
	var paths []string
	if err := l.walk(dir, 1, &paths); err != nil {
		return nil, err
	}
	sortPaths(paths)
	return paths, nil
}

func (l *lister) walk(dir string, depth int, paths *[]string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		rule := ignored(e.Name())
		folder := e.IsDir() || e.Type()&os.ModeSymlink != 0 && isDir(path)
		switch {
		case rule != "" && folder:
			l.ignoreAll(path, rule)
		case rule != "":
			l.ignore(path, rule)
		case folder && depth == maxDepth:
			return errTooDeep(path)
		case folder:
			if err := l.walk(path, depth+1, paths); err != nil {
				return err
			}
		case imageio.IsPicture(e.Name()):
			*paths = append(*paths, path)
		default:
			l.ignore(path, ruleName)
		}
	}
	return nil
}
