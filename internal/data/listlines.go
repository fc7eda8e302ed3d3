package data

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The names that a list's first line may give its columns, in lower case.
var (
	pathColumns = []string{"path", "file", "filepath", "file_path", "filename", "file_name", "image", "image_path",
		"img", "img_path"}
	labelColumns = []string{"label", "labels", "target", "class_index", "class_id", "label_id", "y"}
	classColumns = []string{"class", "class_name", "classname", "category", "label_name", "name"}
	keyColumns   = []string{"class_key", "folder", "wnid", "synset"}
)

// columns says where a list has what; -1 is nowhere.
type columns struct{ path, label, class, key int }

// parseList reads the lines of a list: fields between tabs, else commas, else
// the last space.
func parseList(r io.Reader) ([]listEntry, error) {
	var entries []listEntry
	var cut func(string) ([]string, error)
	at := columns{0, 1, 2, -1}
	headed := false
	err := eachLine(r, func(line int, text string) error {
		first := cut == nil
		if first {
			cut = cutter(text)
		}
		fields, err := cut(text)
		if err != nil {
			return fmt.Errorf("%.80q: %w", text, err)
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if first {
			if found, ok := header(fields); ok {
				at, headed = found, true
				return twice(fields, found)
			}
		}
		e, err := at.entry(fields, headed)
		if err != nil {
			return fmt.Errorf("%.80q: %w", text, err)
		}
		e.line = line
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, errNoPictures
	}
	return entries, checkFirst(entries, headed)
}

// cutter tells from the first line how fields are separated.
func cutter(first string) func(string) ([]string, error) {
	switch {
	case strings.Contains(first, "\t"):
		return func(line string) ([]string, error) { return strings.Split(line, "\t"), nil }
	case strings.Contains(first, ","):
		return func(line string) ([]string, error) {
			r := csv.NewReader(strings.NewReader(line))
			r.LazyQuotes = true
			return r.Read()
		}
	}
	return func(line string) ([]string, error) {
		i := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if i < 0 {
			return []string{line}, nil
		}
		return []string{line[:i], strings.TrimSpace(line[i:])}, nil
	}
}

// header reads a first line that names columns.
func header(fields []string) (columns, bool) {
	find := func(names []string) int {
		return slices.IndexFunc(fields, func(f string) bool { return slices.Contains(names, strings.ToLower(f)) })
	}
	at := columns{find(pathColumns), find(labelColumns), find(classColumns), find(keyColumns)}
	if at.label < 0 {
		at.label, at.class = at.class, -1
	}
	return at, at.path >= 0 && at.label >= 0
}

// twice refuses a header in which the name of a column that is read comes again.
func twice(fields []string, at columns) error {
	for _, i := range []int{at.path, at.label, at.class, at.key} {
		if i < 0 {
			continue
		}
		same := func(f string) bool { return strings.EqualFold(f, fields[i]) }
		if slices.IndexFunc(fields[i+1:], same) >= 0 {
			return fmt.Errorf("the header has two columns %q: take one out", fields[i])
		}
	}
	return nil
}

// entry takes the fields of a line.
func (at columns) entry(fields []string, headed bool) (listEntry, error) {
	get := func(i int) string {
		if i < 0 || i >= len(fields) {
			return ""
		}
		return fields[i]
	}
	e := listEntry{path: slashed(get(at.path)), label: get(at.label), class: get(at.class), key: get(at.key)}
	switch {
	case e.path == "" || e.label == "" || !headed && (len(fields) > 3 || slices.Contains(fields, "")):
		return e, errors.New("want a path, a tab or comma and a label or class name; more columns need a first line that " +
			"names them (path, label, class)")
	case strings.ContainsRune(e.path, 0):
		return e, errors.New("the path holds a zero byte")
	}
	return e, nil
}

// checkFirst refuses a first line that looks like a header with columns of
// unknown names: it would be a picture that is not there and, as often as not, a
// class to which nothing belongs.
func checkFirst(entries []listEntry, headed bool) error {
	if headed || len(entries) < 2 || path.Ext(entries[0].path) != "" {
		return nil
	}
	first, rest := entries[0], entries[1:]
	numbers := !slices.ContainsFunc(rest, func(e listEntry) bool { _, err := strconv.Atoi(e.label); return err != nil })
	_, err := strconv.Atoi(first.label)
	alone := !slices.ContainsFunc(rest, func(e listEntry) bool { return e.label == first.label })
	extensions := !slices.ContainsFunc(rest, func(e listEntry) bool { return path.Ext(e.path) == "" })
	if extensions && (alone && !numbers || numbers && err != nil) {
		return fmt.Errorf("line %d looks like the names of columns (%q, %q), and none is known for the pictures or the "+
			"labels: call them path and label, or take the line out",
			first.line, first.path, first.label)
	}
	return nil
}
