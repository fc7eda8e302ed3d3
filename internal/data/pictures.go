package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/imageio"
)

// Pictures lists files, of folders every picture below in the order of names,
// and of parquet files and archives every picture in them, as a set of one class
// without a name. A file that is named itself is a picture whatever it is called.
func Pictures(paths []string) (*Set, error) {
	set := &Set{Classes: []string{""}}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		switch ext := strings.ToLower(filepath.Ext(path)); {
		case info.IsDir():
			err = set.addFolder(path)
		case ext == ".parquet":
			err = set.addParquet(path)
		case ext == ".tar":
			err = set.addTar(path)
		default:
			set.Items = append(set.Items, Item{Path: path})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, cause(err))
		}
	}
	if len(set.Items) == 0 {
		return nil, fmt.Errorf("no picture (%s) below %s%s", strings.Join(imageio.Extensions(), ", "),
			strings.Join(paths, ", "), afterCount(set.Ignored))
	}
	return set, nil
}

func (s *Set) addFolder(dir string) error {
	var l lister
	var files []string
	if err := l.walk(dir, 1, &files); err != nil {
		return err
	}
	for _, f := range files {
		s.Items = append(s.Items, Item{Path: f})
	}
	s.Ignored = append(s.Ignored, l.ignored...)
	return nil
}

func (s *Set) addParquet(file string) error {
	t, err := openPictures(file)
	if err != nil {
		return err
	}
	for row := range int(t.file.NumRows()) {
		s.Items = append(s.Items, t.item(file, row))
	}
	return nil
}

func (s *Set) addTar(file string) error {
	pictures, others, err := indexTarFile(file)
	if err != nil {
		return err
	}
	for _, m := range pictures {
		s.Items = append(s.Items, m.item(file))
	}
	for _, o := range others {
		s.Ignored = append(s.Ignored, LeftOut{File: file + "#" + o.File, Reason: o.Reason})
	}
	return nil
}
