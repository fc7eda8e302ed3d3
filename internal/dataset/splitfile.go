package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxSplitFile = 1 << 30 // bytes of a split file; the largest in use has about 10 MB
	maxLabel     = 1 << 20 // labels beyond this are taken for damage
)

// splitEntry is one [path, label, class name] of a split file.
type splitEntry struct {
	path  string
	label int
	class string
}

func (e *splitEntry) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) != 3 {
		return fmt.Errorf("entry %.80s: want [path, label, class name]", data)
	}
	for i, into := range []any{&e.path, &e.label, &e.class} {
		if err := json.Unmarshal(parts[i], into); err != nil {
			return fmt.Errorf("entry %.80s: want [path, label, class name]", data)
		}
	}
	return nil
}

// loadSplitFile reads a split_zhou_*.json as CoOp ships them:
// {"train": [[path, label, class name], ...], "val": ..., "test": ...}.
// Items keep the file's order, on which few-shot sampling depends.
func loadSplitFile(path string, opt Options) (*Set, error) {
	splits, err := readSplitFile(path)
	if err != nil {
		return nil, fmt.Errorf("split file %s: %w", path, err)
	}
	if opt.Split == "" {
		return nil, fmt.Errorf("split file %s: %w in it; add #train, #val or #test", path, ErrNoSplit)
	}
	entries, ok := splits[opt.Split]
	if !ok {
		return nil, fmt.Errorf("split file %s: no split %q in it", path, opt.Split)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("split file %s: split %q is empty", path, opt.Split)
	}
	classes, err := splitClasses(splits)
	if err != nil {
		return nil, fmt.Errorf("split file %s: %w", path, err)
	}
	root, err := imageRoot(path, entries[:min(len(entries), rootTries)], opt.ImageRoot)
	if err != nil {
		return nil, fmt.Errorf("split file %s: %w", path, err)
	}
	set := &Set{Name: splitName(path), Split: opt.Split, Root: root, Classes: classes}
	for _, e := range entries {
		set.Items = append(set.Items, Item{Path: filepath.Join(root, filepath.FromSlash(e.path)), Label: e.label})
	}
	return set, nil
}

func readSplitFile(path string) (map[string][]splitEntry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	return parseSplits(f)
}

// parseSplits decodes the splits and checks every path and label.
func parseSplits(r io.Reader) (map[string][]splitEntry, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSplitFile+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(data) > maxSplitFile {
		return nil, fmt.Errorf("larger than %d bytes", maxSplitFile)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("not a JSON object of splits: %w", err)
	}
	splits := map[string][]splitEntry{}
	for _, name := range []string{"train", "val", "test"} {
		part, ok := raw[name]
		if !ok {
			continue
		}
		var entries []splitEntry
		if err := json.Unmarshal(part, &entries); err != nil {
			return nil, fmt.Errorf("split %q: %w", name, err)
		}
		for i, e := range entries {
			switch {
			case e.label < 0 || e.label > maxLabel:
				return nil, fmt.Errorf("split %q, entry %d (%s): label %d out of range", name, i, e.path, e.label)
			case !filepath.IsLocal(filepath.FromSlash(e.path)):
				return nil, fmt.Errorf("split %q, entry %d: path %q leaves the image folder", name, i, e.path)
			}
		}
		splits[name] = entries
	}
	if len(splits) == 0 {
		return nil, errors.New(`none of "train", "val", "test" in it`)
	}
	return splits, nil
}

// splitClasses gathers the class names of all splits by label.
func splitClasses(splits map[string][]splitEntry) ([]string, error) {
	names := map[int]string{}
	top, count := -1, 0
	for _, split := range []string{"train", "val", "test"} {
		count += len(splits[split])
		for i, e := range splits[split] {
			if known, ok := names[e.label]; ok && known != e.class {
				return nil, fmt.Errorf("split %q, entry %d (%s): label %d is called %q here and %q before", split, i, e.path, e.label, e.class, known)
			}
			names[e.label] = e.class
			top = max(top, e.label)
		}
	}
	if top >= count {
		return nil, fmt.Errorf("label %d in a file of %d entries: labels must be 0 to the number of classes less one", top, count)
	}
	classes := make([]string, top+1)
	for label := range classes {
		name, ok := names[label]
		if !ok {
			return nil, fmt.Errorf("labels go up to %d, but no entry has label %d", top, label)
		}
		classes[label] = name
	}
	return classes, nil
}

// rootTries is how many pictures are looked for to find the image folder, so
// that a few missing ones do not hide it.
const rootTries = 20

// imageRoot finds the folder that the file's relative paths start from: the
// one given, else the file's own folder or one directly inside it, whichever
// holds one of the first pictures.
func imageRoot(file string, first []splitEntry, given string) (string, error) {
	dir := filepath.Dir(file)
	candidates := []string{given}
	if given == "" {
		candidates = append([]string{dir}, subfolders(dir)...)
	}
	for _, c := range candidates {
		for _, e := range first {
			if fileExists(filepath.Join(c, filepath.FromSlash(e.path))) {
				return c, nil
			}
		}
	}
	return "", fmt.Errorf("no folder holds its pictures, such as %q (looked in %s); give the image folder", first[0].path, strings.Join(candidates, ", "))
}

func subfolders(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); isDir(path) {
			dirs = append(dirs, path)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// splitName turns split_zhou_OxfordPets.json into OxfordPets.
func splitName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return strings.TrimPrefix(strings.TrimPrefix(name, "split_"), "zhou_")
}
