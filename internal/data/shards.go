package data

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
		} else if err := allThere(of); err != nil {
			return nil, fmt.Errorf("data set %s: %w", path, err)
		}
		if err := read(set, of); err != nil {
			return nil, fmt.Errorf("data set %s: %w", path, err)
		}
		return set, nil
	}
	return l, nil
}

// ofTotal is the end of a shard's name that says how many there are, as in
// train-00000-of-00004-0123abcd.parquet.
var ofTotal = regexp.MustCompile(`^(.*?)(\d+)-of-(\d+)(?:[-_.].*)?\.\w+$`)

// allThere refuses shards that say that there are more of them, or that are there
// twice: a download that broke off, or two of one set in one folder.
func allThere(files []string) error {
	type shard struct {
		number int
		file   string
	}
	first := map[string]string{}
	totals := map[string]int{}
	there := map[string][]shard{}
	var stems []string
	for _, f := range files {
		m := ofTotal.FindStringSubmatch(filepath.Base(f))
		if m == nil {
			continue
		}
		stem := filepath.Join(filepath.Dir(f), m[1])
		number, err := strconv.Atoi(m[2])
		total, err2 := strconv.Atoi(m[3])
		if err != nil || err2 != nil {
			continue
		}
		if _, seen := first[stem]; !seen {
			stems = append(stems, stem)
			first[stem], totals[stem] = f, total
		}
		if total != totals[stem] {
			return fmt.Errorf("%s and %s say different numbers of files: take those of one set away", first[stem], f)
		}
		if i := slices.IndexFunc(there[stem], func(s shard) bool { return s.number == number }); i >= 0 {
			return fmt.Errorf("%s and %s are one part of the set: take one of them away", there[stem][i].file, f)
		}
		there[stem] = append(there[stem], shard{number, f})
	}
	for _, stem := range stems {
		if n := len(there[stem]); n != totals[stem] {
			return fmt.Errorf("%s is one of %d files, and %d are there: fetch the others, or name those that you mean, one "+
				"at a time", first[stem], totals[stem], n)
		}
	}
	return nil
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
