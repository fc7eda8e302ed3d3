package data

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"clipcalib/internal/regular"
)

// ReadRowClasses reads the classes that a table of rows tells of, by their labels:
// those that have a picture. It is empty where there is no table.
func ReadRowClasses(path string) (map[int]Class, error) {
	f, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("%s: it is no table of rows: %v", path, err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	label, name, key := column("label"), column("class"), column("class_key")
	if label < 0 || name < 0 || key < 0 {
		return nil, nil
	}
	out := map[int]Class{}
	for i, row := range rows[1:] {
		y, err := strconv.Atoi(row[label])
		if err != nil || y < 0 {
			return nil, fmt.Errorf("%s: row %d has label %q", path, i, row[label])
		}
		c := Class{Name: row[name]}
		if row[key] != c.Name {
			c.Folder = row[key]
		}
		out[y] = c
	}
	return out, nil
}

// Mismatch says in words where two lists of classes by label contradict each other,
// "" where they do not: labels that one of them lacks are not compared.
func Mismatch(a, b map[int]Class) string {
	var both []int
	var listA, listB []Class
	for _, y := range slices.Sorted(maps.Keys(a)) {
		if _, ok := b[y]; ok {
			both, listA, listB = append(both, y), append(listA, a[y]), append(listB, b[y])
		}
	}
	at, err := Join(listA, listB)
	for i, y := range both {
		if err == nil && at[i] != i || err != nil && listA[i] != listB[i] {
			return fmt.Sprintf("label %d is %s and %s", y, a[y], b[y])
		}
	}
	for _, y := range slices.Sorted(maps.Keys(a)) {
		for _, z := range slices.Sorted(maps.Keys(b)) {
			if _, ok := b[y]; !ok && a[y] == b[z] && y != z {
				return fmt.Sprintf("%s is label %d and label %d", a[y], y, z)
			}
		}
	}
	return ""
}

// LearntDoubt says of a set that so many of its pictures were learned from.
func LearntDoubt(set string, n, of int, file string) string {
	return fmt.Sprintf("%s: %d of its %d pictures are among those that the run learned from, such as %s: its "+
		"figures are flattered", set, n, of, file)
}

var learntDoubt = regexp.MustCompile(`: (\d+) of its (\d+) pictures are among those that the run learned from, `)

// Learnt is what a [LearntDoubt] among the doubts of a record counts, zeros without
// one.
func Learnt(doubts []string) (n, of int) {
	for _, d := range doubts {
		if m := learntDoubt.FindStringSubmatch(d); m != nil {
			n, _ = strconv.Atoi(m[1])
			of, _ = strconv.Atoi(m[2])
			return n, of
		}
	}
	return 0, 0
}
