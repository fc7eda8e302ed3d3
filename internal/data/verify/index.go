package verify

import (
	"path"
	"slices"
	"strings"

	"clipcalib/internal/named"
)

// index finds pictures among those of folders.
type index struct {
	by    map[string]map[string]bool
	plain map[string]map[string]string // by folder and by what a name might also be, made when asked for
	all   map[string][]string
	// strange are folders in which no list names a picture.
	strange []string
	near    map[string]string // of folders that are not there, the one of them that is meant; found when asked for
}

// listed tells which folders the lists name pictures in.
func (x *index) listed(dirs map[string]bool) {
	for dir := range x.all {
		if !dirs[dir] && len(x.all[dir]) > 0 {
			x.strange = append(x.strange, dir)
		}
	}
	slices.Sort(x.strange)
}

func newIndex(folders []folder) *index {
	x := &index{by: map[string]map[string]bool{}, plain: map[string]map[string]string{}, all: map[string][]string{},
		near: map[string]string{}}
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

// like finds a picture in the same folder, or if that is not there in one of a name
// near to it, whose name differs in case, ending or leading zeros alone.
func (x *index) like(p string) string {
	dir, name := split(p)
	if _, there := x.all[dir]; !there {
		near, known := x.near[dir]
		if !known {
			near = named.Nearest(dir, x.strange)
			x.near[dir] = near
		}
		if near != "" {
			dir = near
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
