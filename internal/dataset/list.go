package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listEntry is one line of a list.
type listEntry struct {
	path, label string
	class       string // from an optional third column
	line        int
}

// loadList reads a list of pictures: a path, a tab, then a label from 0 or a
// class name, then optionally a tab and the class name of that label. Relative
// paths start at opt.ImageRoot or else at the list's folder. Without labels
// the classes are the names, sorted.
func loadList(path string, opt Options) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, cause(err))
	}
	defer f.Close()
	entries, err := parseList(f)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	var names *ClassNames
	if opt.ClassNames != "" {
		if names, err = ReadClassNames(opt.ClassNames); err != nil {
			return nil, err
		}
	}
	classes, labels, err := resolveLabels(entries, names)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	root := opt.ImageRoot
	if root == "" {
		root = filepath.Dir(path)
	}
	set := &Set{Root: root, Classes: classes}
	set.Name, set.Split = nameOf(strings.TrimSuffix(path, filepath.Ext(path)))
	for i, e := range entries {
		file := filepath.FromSlash(e.path)
		if !filepath.IsAbs(file) {
			file = filepath.Join(root, file)
		}
		set.Items = append(set.Items, Item{Path: file, Label: labels[i]})
	}
	return set, nil
}

func parseList(r io.Reader) ([]listEntry, error) {
	var entries []listEntry
	err := eachLine(r, func(line int, text string) error {
		fields := strings.Split(text, "\t")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if len(fields) < 2 || len(fields) > 3 || slices.Contains(fields, "") {
			return fmt.Errorf("%.80q: want a path, a tab and a label or class name", text)
		}
		if strings.ContainsRune(fields[0], 0) {
			return fmt.Errorf("path %.80q holds a zero byte", fields[0])
		}
		e := listEntry{path: fields[0], label: fields[1], line: line}
		if len(fields) == 3 {
			e.class = fields[2]
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, errors.New("no pictures in it")
	}
	return entries, nil
}

// resolveLabels turns the label column into labels and class names.
func resolveLabels(entries []listEntry, names *ClassNames) (classes []string, labels []int, err error) {
	labels = make([]int, len(entries))
	for i, e := range entries {
		if labels[i], err = strconv.Atoi(e.label); err != nil {
			return namedLabels(entries, names)
		}
	}
	if names != nil {
		classes = names.Names
	} else if classes, err = classColumn(entries, labels); err != nil {
		return nil, nil, err
	}
	for i, l := range labels {
		if l < 0 || l >= len(classes) {
			return nil, nil, fmt.Errorf("line %d (%s): label %d, want 0 to %d", entries[i].line, entries[i].path, l, len(classes)-1)
		}
	}
	return classes, labels, nil
}

// classColumn names numbered classes from the third column, or by their
// number where there is none.
func classColumn(entries []listEntry, labels []int) ([]string, error) {
	top := slices.Max(labels)
	if top >= maxLabel || slices.Min(labels) < 0 {
		i := slices.IndexFunc(labels, func(l int) bool { return l < 0 || l >= maxLabel })
		return nil, fmt.Errorf("line %d (%s): label %d out of range", entries[i].line, entries[i].path, labels[i])
	}
	classes := make([]string, top+1)
	for i, e := range entries {
		l := labels[i]
		if e.class != "" && classes[l] != "" && classes[l] != e.class {
			return nil, fmt.Errorf("line %d (%s): label %d is called %q here and %q before", e.line, e.path, l, e.class, classes[l])
		}
		if e.class != "" {
			classes[l] = e.class
		}
	}
	for l, name := range classes {
		if name == "" {
			classes[l] = strconv.Itoa(l)
		}
	}
	return classes, nil
}

// namedLabels labels by class name: the position in names (by folder or by
// name), or else the rank among the sorted names that occur.
func namedLabels(entries []listEntry, names *ClassNames) ([]string, []int, error) {
	var classes []string
	position := map[string]int{}
	if names != nil {
		classes = names.Names
		for i := range names.Names {
			position[names.Folders[i]] = i
			if _, taken := position[names.Names[i]]; !taken {
				position[names.Names[i]] = i
			}
		}
	} else {
		for _, e := range entries {
			classes = append(classes, e.label)
		}
		slices.Sort(classes)
		classes = slices.Compact(classes)
		for i, name := range classes {
			position[name] = i
		}
	}
	labels := make([]int, len(entries))
	for i, e := range entries {
		l, ok := position[e.label]
		if !ok {
			return nil, nil, fmt.Errorf("line %d (%s): class %q is not among the class names", e.line, e.path, e.label)
		}
		labels[i] = l
	}
	return slices.Clone(classes), labels, nil
}
