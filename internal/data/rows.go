package data

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"

	"clipcalib/internal/atomicfile"
)

// The files that say which sample a row of logits is of, and what was left out.
const (
	RowsFile    = "rows.csv"
	LeftOutFile = "left_out.csv"
)

// Row is the sample that a row of logits is of.
type Row struct {
	File  string // as [Item.Key] has it
	Label int
	Class string // name
	Key   string // folder or id of the class; its name where it has none
}

// Rows lists the items of the given numbers, such as those that were read.
func (s *Set) Rows(kept []int) []Row {
	keys := s.Keys()
	rows := make([]Row, len(kept))
	for i, k := range kept {
		it := s.Items[k]
		rows[i] = Row{File: it.Key(s.Root), Label: it.Label, Class: s.Classes[it.Label], Key: keys[it.Label].Key()}
	}
	return rows
}

// Record is what lies beside the logits of a target.
type Record struct {
	Set     string // name of the data set
	Rows    []Row
	Account Account
}

// Record is the record of a set of which the items kept were read.
func (s *Set) Record(kept []int, unreadable []LeftOut) *Record {
	a := s.Account()
	a.Unreadable = unreadable
	return &Record{Set: s.Name, Rows: s.Rows(kept), Account: a}
}

// Write writes rows.csv and left_out.csv into a folder.
func (r *Record) Write(dir string) error { return r.WriteAs(dir, RowsFile) }

// In reports whether a folder holds what Write would write.
func (r *Record) In(dir string) bool {
	rows, err := rowsTable(r.Rows)
	if err != nil {
		return false
	}
	left, err := r.leftOutTable()
	return err == nil && holds(filepath.Join(dir, RowsFile), rows) && holds(filepath.Join(dir, LeftOutFile), left)
}

// WriteAs is Write with another name for the rows.
func (r *Record) WriteAs(dir, rows string) error {
	if err := WriteRows(filepath.Join(dir, rows), r.Rows); err != nil {
		return err
	}
	text, err := r.leftOutTable()
	if err != nil {
		return err
	}
	return writeTable(filepath.Join(dir, LeftOutFile), text)
}

func (r *Record) leftOutTable() ([]byte, error) {
	return csvTable([]string{"kind", "file", "class", "reason"},
		func(put func(...string) error) error {
			for _, part := range []struct {
				kind  string
				files []LeftOut
			}{{KindUnreadable, r.Account.Unreadable}, {KindIgnored, r.Account.Ignored}} {
				for _, f := range part.files {
					if err := put(part.kind, f.File, f.Class, f.Reason); err != nil {
						return err
					}
				}
			}
			return nil
		})
}

// WriteRows writes a CSV table with a line for each row: its number from 0,
// file, label, class name and class key. It is a list that [Load] reads.
func WriteRows(path string, rows []Row) error {
	text, err := rowsTable(rows)
	if err != nil {
		return err
	}
	return writeTable(path, text)
}

func rowsTable(rows []Row) ([]byte, error) {
	return csvTable([]string{"row", "file", "label", "class", "class_key"}, func(put func(...string) error) error {
		for i, r := range rows {
			if err := put(strconv.Itoa(i), r.File, strconv.Itoa(r.Label), r.Class, r.Key); err != nil {
				return err
			}
		}
		return nil
	})
}

// csvTable is a CSV table.
func csvTable(head []string, fill func(put func(...string) error) error) ([]byte, error) {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	put := func(fields ...string) error { return w.Write(fields) }
	if err := put(head...); err != nil {
		return nil, err
	}
	if err := fill(put); err != nil {
		return nil, err
	}
	w.Flush()
	return text.Bytes(), w.Error()
}

// writeTable writes a table, unless the file holds it already.
func writeTable(path string, text []byte) error {
	if holds(path, text) {
		return nil
	}
	return atomicfile.WriteBytes(path, text)
}

func holds(path string, text []byte) bool {
	old, err := os.ReadFile(path)
	return err == nil && bytes.Equal(old, text)
}
