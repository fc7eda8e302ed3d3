package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/named"
	"clipcalib/internal/regular"
)

const (
	maxSplitFile = 1 << 30 // bytes of a split file; the largest in use has about 10 MB
	maxLabel     = 1 << 20 // labels beyond this are taken for damage
)

// Splits is the content of a split file, by part: "train", "val" and "test".
type Splits map[string][]SplitEntry

// SplitEntry is one [path, label, class name] of a split file. Its path has
// forward slashes.
type SplitEntry struct {
	Path  string
	Label int
	Class string
}

// UnmarshalJSON reads an entry as CoOp's files have it.
func (e *SplitEntry) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) != 3 {
		return fmt.Errorf("entry %.80s: want [path, label, class name]", data)
	}
	for i, into := range []any{&e.Path, &e.Label, &e.Class} {
		if err := json.Unmarshal(parts[i], into); err != nil {
			return fmt.Errorf("entry %.80s: want [path, label, class name]", data)
		}
	}
	e.Path = slashed(e.Path)
	return nil
}

// splitFile reads a split_zhou_*.json as CoOp ships them:
// {"train": [[path, label, class name], ...], "val": ..., "test": ...}.
// Items keep the file's order, on which few-shot sampling depends. Paths start
// from a folder that holds some of them: imageRoot, or else one of folders or a
// folder in it.
func splitFile(file string, folders []string, opt Options) (layout, error) {
	l := layout{path: file, name: splitName(file)}
	if opt.nameOnly {
		return l, nil
	}
	splits, err := readSplitFile(file)
	if err != nil {
		return l, fmt.Errorf("split file %s: %w", file, err)
	}
	for _, part := range []string{"train", "val", "test"} {
		if _, ok := splits[part]; ok {
			l.parts = append(l.parts, part)
		}
	}
	l.read = func(part string) (*Set, error) {
		entries := splits[part]
		if len(entries) == 0 {
			return nil, fmt.Errorf("split file %s: split %q is empty", file, part)
		}
		classes, err := splitClasses(splits)
		if err != nil {
			return nil, fmt.Errorf("split file %s: %w", file, err)
		}
		paths := make([]string, len(entries))
		for i, e := range entries {
			paths[i] = e.Path
		}
		root, err := findRoot(paths, folders, opt.ImageRoot)
		if err != nil {
			return nil, fmt.Errorf("split file %s: %w", file, err)
		}
		set := &Set{Name: l.name, Split: part, Root: root.dir, Classes: classes}
		for _, e := range entries {
			set.Items = append(set.Items, Item{Path: root.file(e.Path), Label: e.Label})
		}
		return set, nil
	}
	return l, nil
}

// ReadSplits reads a split file as CoOp ships them. Errors name the file.
func ReadSplits(path string) (Splits, error) {
	splits, err := readSplitFile(path)
	if err != nil {
		return nil, fmt.Errorf("split file %s: %w", path, err)
	}
	return splits, nil
}

func readSplitFile(path string) (Splits, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	return parseSplits(f)
}

// parseSplits decodes the splits and checks every path and label.
func parseSplits(r io.Reader) (Splits, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSplitFile+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(data) > maxSplitFile {
		return nil, fmt.Errorf("larger than %d bytes", maxSplitFile)
	}
	raw, err := object(bytes.TrimPrefix(data, []byte("\ufeff")))
	if err != nil {
		return nil, fmt.Errorf("not a JSON object of splits: %w", err)
	}
	splits := Splits{}
	parts := []string{"train", "val", "test"}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(parts, name) {
			return nil, fmt.Errorf("it holds %q, which is none of train, val and test%s: rename it, or take it out",
				name, named.Suggestion(name, parts))
		}
	}
	for _, name := range parts {
		part, ok := raw[name]
		if !ok {
			continue
		}
		var entries []SplitEntry
		if err := json.Unmarshal(part, &entries); err != nil {
			return nil, fmt.Errorf("split %q: %w", name, err)
		}
		for i, e := range entries {
			switch {
			case e.Label < 0 || e.Label > maxLabel:
				return nil, fmt.Errorf("split %q, entry %d (%s): label %d out of range", name, i, e.Path, e.Label)
			case !absolute(e.Path) && !filepath.IsLocal(filepath.FromSlash(e.Path)):
				return nil, fmt.Errorf("split %q, entry %d: path %q leaves the image folder", name, i, e.Path)
			}
		}
		splits[name] = entries
	}
	if len(splits) == 0 {
		return nil, errors.New(`none of "train", "val", "test" in it`)
	}
	return splits, nil
}

// object decodes a JSON object, of which no key may come twice: the last would
// hide the others.
func object(data []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil {
		return nil, err
	} else if start != json.Delim('{') {
		return nil, fmt.Errorf("it begins with %v", start)
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("it has %q twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		out[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind it")
	}
	return out, nil
}

// Classes are the class names of all parts, by label.
func (s Splits) Classes() ([]string, error) { return splitClasses(s) }

// splitClasses gathers the class names of all splits by label.
func splitClasses(splits Splits) ([]string, error) {
	names := map[int]string{}
	top, count := -1, 0
	for _, split := range []string{"train", "val", "test"} {
		count += len(splits[split])
		for i, e := range splits[split] {
			if known, ok := names[e.Label]; ok && known != e.Class {
				return nil, fmt.Errorf("split %q, entry %d (%s): label %d is called %q here and %q before", split, i,
					e.Path, e.Label, e.Class, known)
			}
			names[e.Label] = e.Class
			top = max(top, e.Label)
		}
	}
	if top >= count {
		return nil, fmt.Errorf("label %d in a file of %d entries: labels must be 0 to the number of classes less one",
			top, count)
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

// slashed turns the backslashes of a path of Windows. A path with a forward
// slash has its backslashes in names.
func slashed(p string) string {
	if strings.Contains(p, "/") || !strings.Contains(p, `\`) {
		return p
	}
	return strings.ReplaceAll(p, `\`, "/")
}

// absolute reports whether a path with forward slashes names a place by itself,
// on this system or on Windows.
func absolute(p string) bool {
	drive := len(p) > 2 && p[1] == ':' && p[2] == '/' && (p[0]|0x20) >= 'a' && (p[0]|0x20) <= 'z'
	return drive || path.IsAbs(p) || filepath.IsAbs(filepath.FromSlash(p))
}

// root is the folder that listed paths start from, and for absolute paths of
// another machine what stood in its place there.
type root struct {
	dir    string
	prefix string
}

func (r root) file(p string) string {
	if !absolute(p) {
		return filepath.Join(r.dir, filepath.FromSlash(p))
	}
	if rest, ok := strings.CutPrefix(p, r.prefix); ok && r.prefix != "" && filepath.IsLocal(filepath.FromSlash(rest)) {
		return filepath.Join(r.dir, filepath.FromSlash(rest))
	}
	return filepath.FromSlash(p)
}

// rootTries is how many pictures are looked for to find the image folder, so
// that a few missing ones do not hide it.
const rootTries = 20

// findRoot finds the folder that listed paths start from: the one given, else
// one of folders or one directly inside those, whichever holds one of the first
// pictures.
func findRoot(paths, folders []string, given string) (root, error) {
	candidates := []string{given}
	if given == "" {
		candidates = nil
		for _, dir := range folders {
			candidates = append(append(candidates, dir), subfolders(dir)...)
		}
	}
	first := paths[:min(len(paths), rootTries)]
	for _, p := range first {
		if absolute(p) && fileExists(filepath.FromSlash(p)) {
			return root{dir: candidates[0]}, nil
		}
	}
	for _, c := range candidates {
		for _, p := range first {
			if !absolute(p) && fileExists(filepath.Join(c, filepath.FromSlash(p))) {
				return root{dir: c}, nil
			}
			if rest, ok := below(c, p); absolute(p) && ok {
				return root{dir: c, prefix: strings.TrimSuffix(p, rest)}, nil
			}
		}
	}
	return root{}, fmt.Errorf("no folder holds its pictures, such as %q (looked in %s); name the image folder with "+
		"--image-root",
		first[0], listed(candidates, 8))
}

// below finds the longest end of an absolute path that is a file below dir.
func below(dir, p string) (rest string, ok bool) {
	for i, c := range p {
		if c == '/' && i+1 < len(p) && filepath.IsLocal(filepath.FromSlash(p[i+1:])) && fileExists(filepath.Join(dir,
			filepath.FromSlash(p[i+1:]))) {
			return p[i+1:], true
		}
	}
	return "", false
}

func subfolders(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); ignored(e.Name()) == "" && isDir(path) {
			dirs = append(dirs, path)
		}
	}
	slices.Sort(dirs)
	return dirs
}
