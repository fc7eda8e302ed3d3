package data

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/regular"
)

// listEntry is one line of a list. Its path has forward slashes.
type listEntry struct {
	path, label string
	class, key  string // from further columns
	line        int
}

// loadList reads a list of pictures: a path, then a label from 0 or a class
// name, then optionally the class name of that label, between tabs or commas; or
// the columns that its first line names. Relative paths start at opt.ImageRoot
// or else at the list's folder. Without labels the classes are the names, sorted.
func loadList(path string, opt Options) (*Set, error) {
	set, err := readList(path, opt)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	return set, nil
}

func readList(path string, opt Options) (*Set, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	entries, err := parseList(f)
	if err != nil {
		return nil, err
	}
	set := &Set{Root: filepath.Dir(path)}
	set.Name, set.Split = nameOf(strings.TrimSuffix(path, filepath.Ext(path)))
	var names *ClassNames
	if opt.ClassNames != "" {
		if names, err = ReadClassNames(opt.ClassNames); err != nil {
			return nil, err
		}
	}
	classes, labels, note, err := resolveLabels(entries, names, opt.AllowEmptyClasses)
	if err != nil {
		return nil, err
	}
	if note != "" {
		set.note("%s", note)
	}
	set.setClasses(classes)
	at := root{dir: set.Root}
	if opt.ImageRoot != "" {
		at.dir, set.Root = opt.ImageRoot, opt.ImageRoot
	}
	paths := make([]string, len(entries))
	for i, e := range entries {
		paths[i] = e.path
	}
	if slices.ContainsFunc(paths, absolute) { // of another machine, perhaps
		if found, err := findRoot(paths, []string{at.dir}, opt.ImageRoot); err == nil && found.prefix != "" {
			at = found
		}
	}
	for i, e := range entries {
		set.Items = append(set.Items, Item{Path: at.file(e.path), Label: labels[i]})
	}
	return set, nil
}

// setClasses sets names and, where any class has one, folders.
func (s *Set) setClasses(classes []Class) {
	keyed := false
	for _, c := range classes {
		s.Classes = append(s.Classes, c.Name)
		s.Folders = append(s.Folders, c.Folder)
		keyed = keyed || c.Folder != ""
	}
	if !keyed {
		s.Folders = nil
	}
}

// resolveLabels turns the label column into labels and classes. Numbers without
// a file of names must be used from 0 on, unless empty classes are allowed.
func resolveLabels(entries []listEntry, names *ClassNames, allowEmpty bool) (classes []Class, labels []int,
	note string, err error) {
	labels = make([]int, len(entries))
	for i, e := range entries {
		if labels[i], err = strconv.Atoi(e.label); err != nil {
			return namedLabels(entries, names)
		}
	}
	if names != nil {
		classes, note, err = names.ofLabels()
	} else {
		classes, err = classColumn(entries, labels, allowEmpty)
	}
	if err != nil {
		return nil, nil, "", err
	}
	for i, l := range labels {
		if l < 0 || l >= len(classes) {
			return nil, nil, "", fmt.Errorf("line %d (%s): label %d, want 0 to %d%s",
				entries[i].line, entries[i].path, l, len(classes)-1, fromOne(slices.Min(labels), slices.Max(labels),
					len(classes)))
		}
	}
	return classes, labels, note, nil
}

// fromOne is a hint where labels count from 1.
func fromOne(low, top, classes int) string {
	if low == 1 && top == classes {
		return " (these labels count from 1: take 1 off each)"
	}
	return ""
}

// classColumn names numbered classes from further columns, or by their number
// where there is none.
func classColumn(entries []listEntry, labels []int, allowEmpty bool) ([]Class, error) {
	top := slices.Max(labels)
	if top >= maxLabel || slices.Min(labels) < 0 {
		i := slices.IndexFunc(labels, func(l int) bool { return l < 0 || l >= maxLabel })
		return nil, fmt.Errorf("line %d (%s): label %d out of range", entries[i].line, entries[i].path, labels[i])
	}
	classes := make([]Class, top+1)
	used := make([]bool, top+1)
	for i, e := range entries {
		l := labels[i]
		used[l] = true
		for _, column := range []struct {
			have string
			into *string
		}{{e.class, &classes[l].Name}, {e.key, &classes[l].Folder}} {
			if column.have != "" && *column.into != "" && *column.into != column.have {
				return nil, fmt.Errorf("line %d (%s): label %d is called %q here and %q before", e.line, e.path, l,
					column.have, *column.into)
			}
			if column.have != "" {
				*column.into = column.have
			}
		}
	}
	if err := checkUsed(used, slices.Min(labels)); err != nil && !allowEmpty {
		return nil, err
	}
	for l := range classes {
		if classes[l].Name == "" {
			classes[l].Name = strconv.Itoa(l)
		}
	}
	return classes, nil
}

// checkUsed refuses labels between which there are gaps.
func checkUsed(used []bool, lowest int) error {
	var gaps []string
	for l, u := range used {
		if !u {
			gaps = append(gaps, strconv.Itoa(l))
		}
	}
	switch {
	case len(gaps) == 0:
		return nil
	case lowest == 1 && len(gaps) == 1:
		return fmt.Errorf("labels run from 1 to %d, and class 0 has no picture: labels count from 0, so take 1 off each, "+
			"or write class names in their place (or name all classes with --class-names, or --allow-empty-classes)",
			len(used)-1)
	}
	return fmt.Errorf("%w: labels go up to %d, but no line has label %s: give class names in place of labels, name all "+
		"classes with --class-names, or --allow-empty-classes",
		errEmptyClasses, len(used)-1, listed(gaps, 8))
}

// namedLabels labels by class name: the position in names (by folder or by
// name), or else the rank among the sorted names that occur.
func namedLabels(entries []listEntry, names *ClassNames) ([]Class, []int, string, error) {
	if names == nil {
		classes, labels := ranked(entries)
		return classes, labels, "", nil
	}
	var wanted []string
	for _, e := range entries {
		wanted = append(wanted, e.label)
	}
	keyed := names.looksKeyed()
	if first := names.firstWords(); first != nil && len(first) == len(names.Lines) && containsAll(first, wanted) {
		keyed = true
	}
	classes, err := names.Classes(keyed)
	if err != nil {
		return nil, nil, "", err
	}
	position, twice := map[string]int{}, map[string]bool{}
	for i, c := range classes {
		if _, taken := position[c.Name]; taken {
			twice[c.Name] = true
		}
		position[c.Name] = i
	}
	for i, c := range classes {
		if c.Folder != "" {
			position[c.Folder] = i
			delete(twice, c.Folder)
		}
	}
	labels := make([]int, len(entries))
	for i, e := range entries {
		l, ok := position[e.label]
		if !ok {
			return nil, nil, "", fmt.Errorf("line %d (%s): class %q is not among the class names", e.line, e.path,
				e.label)
		}
		if twice[e.label] {
			return nil, nil, "", fmt.Errorf("line %d (%s): %q names two of the classes: give numbers or folders as labels",
				e.line, e.path, e.label)
		}
		labels[i] = l
	}
	return classes, labels, "", nil
}

// ranked are the classes that occur, sorted by name.
func ranked(entries []listEntry) ([]Class, []int) {
	var names []string
	for _, e := range entries {
		names = append(names, e.label)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	classes := make([]Class, len(names))
	for i, name := range names {
		classes[i].Name = name
	}
	labels := make([]int, len(entries))
	for i, e := range entries {
		labels[i], _ = slices.BinarySearch(names, e.label)
		if e.key != "" {
			classes[labels[i]].Folder = e.key
		}
	}
	return classes, labels
}

var errNoPictures = errors.New("no pictures in it")
