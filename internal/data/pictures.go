package data

import (
	"fmt"
	"os"
	"strings"

	"clipcalib/internal/imageio"
)

// Pictures lists files and, of folders, every picture below, in the order of
// their names, as a set of one class without a name. A file that is named
// itself is a picture whatever it is called.
func Pictures(paths []string) (*Set, error) {
	set := &Set{Classes: []string{""}}
	var l lister
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		files := []string{path}
		if info.IsDir() {
			files = nil
			if err := l.walk(path, 1, &files); err != nil {
				return nil, err
			}
		}
		for _, f := range files {
			set.Items = append(set.Items, Item{Path: f})
		}
	}
	set.Ignored = l.ignored
	if len(set.Items) == 0 {
		return nil, fmt.Errorf("no picture (%s) below %s%s", strings.Join(imageio.Extensions, ", "), strings.Join(paths, ", "), afterCount(l.ignored))
	}
	return set, nil
}
