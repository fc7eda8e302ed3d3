package data

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// shards is the layout of files that each hold many pictures. The part that a
// file belongs to is said by its folder or by the start of its name, such as
// train-00000-of-00004.parquet; files of which neither says one are a whole.
func shards(path string, files []string, read func(set *Set, files []string) error) (layout, error) {
	byPart := map[string][]string{}
	for _, f := range files {
		byPart[shardPart(path, f)] = append(byPart[shardPart(path, f)], f)
	}
	l := layout{path: path}
	l.name, _ = nameOf(path)
	if len(files) == 1 && files[0] == path {
		name, _ := nameOf(strings.TrimSuffix(path, filepath.Ext(path)))
		l.name = strings.TrimSuffix(name, filepath.Ext(name))
		byPart = map[string][]string{"": files}
	}
	for _, part := range []string{"train", "val", "test"} {
		if len(byPart[part]) > 0 {
			l.parts = append(l.parts, part)
		}
	}
	if whole := byPart[""]; len(whole) > 0 && len(l.parts) > 0 {
		return l, fmt.Errorf("data set %s: %s says no part, and %s does: name one of them", path, whole[0],
			byPart[l.parts[0]][0])
	}
	l.read = func(part string) (*Set, error) {
		of := slices.Clone(byPart[part])
		set := &Set{Root: path}
		if len(of) == 1 && of[0] == path {
			set.Root = filepath.Dir(path)
		}
		if err := read(set, of); err != nil {
			return nil, fmt.Errorf("data set %s: %w", path, err)
		}
		return set, nil
	}
	return l, nil
}

// shardPart is the part that a shard belongs to, "" if nothing says so.
func shardPart(root, file string) string {
	if dir := filepath.Dir(file); dir != filepath.Clean(root) {
		if part := partOf(strings.ToLower(filepath.Base(dir))); part != "" {
			return part
		}
	}
	name := strings.ToLower(filepath.Base(file))
	word := name[:strings.IndexFunc(name+".", func(r rune) bool { return r < 'a' || r > 'z' })]
	return partOf(word)
}

// Archived says whether a folder holds parquet (".parquet") or tar (".tar") files
// as [Load] finds them, "" if neither, and of which parts they are.
func Archived(dir string) (ext string, parts []string) {
	files, folders, err := namesIn(dir)
	if err != nil {
		return "", nil
	}
	for _, ext := range []string{".parquet", ".tar"} {
		if found := shardsIn(dir, files, folders, ext); len(found) > 0 {
			for _, f := range found {
				if part := shardPart(dir, f); part != "" && !slices.Contains(parts, part) {
					parts = append(parts, part)
				}
			}
			return ext, parts
		}
	}
	return "", nil
}
