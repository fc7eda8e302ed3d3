package verify

import (
	"path"
	"strings"
)

// index finds pictures among those of folders.
type index struct {
	by    map[string]map[string]bool
	plain map[string]map[string]string // by folder and by what a name might also be, made when asked for
	all   map[string][]string
}

func newIndex(folders []folder) *index {
	x := &index{by: map[string]map[string]bool{}, plain: map[string]map[string]string{}, all: map[string][]string{}}
	for _, f := range folders {
		names := make(map[string]bool, len(f.pictures))
		for _, n := range f.pictures {
			names[n] = true
		}
		x.by[f.path], x.all[f.path] = names, f.pictures
	}
	return x
}

// split cuts a path into folder and name; the folder walked from is "".
func split(p string) (dir, name string) {
	dir, name = path.Split(p)
	return strings.TrimSuffix(dir, "/"), name
}

func (x *index) has(p string) bool {
	dir, name := split(p)
	return x.by[dir][name]
}

// like finds a picture in the same folder, or in one of that name in other case,
// whose name differs in case, ending or leading zeros alone.
func (x *index) like(p string) string {
	dir, name := split(p)
	if x.all[dir] == nil {
		for d := range x.all {
			if strings.EqualFold(d, dir) {
				dir = d
			}
		}
	}
	if x.plain[dir] == nil {
		x.plain[dir] = map[string]string{}
		for _, n := range x.all[dir] {
			x.plain[dir][plainFile(n)] = n
		}
	}
	if found := x.plain[dir][plainFile(name)]; found != "" {
		return path.Join(dir, found)
	}
	return ""
}

// plainFile is a file's name without what renaming changes.
func plainFile(name string) string {
	stem := strings.ToLower(strings.TrimSuffix(name, path.Ext(name)))
	number := strings.TrimLeft(stem, "0")
	if strings.Trim(stem, "0123456789") == "" && number != "" {
		return number
	}
	return stem
}
