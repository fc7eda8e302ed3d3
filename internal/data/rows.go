package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/regular"
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
	// SHA256 is of the picture's content; "" is not known.
	SHA256 string
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
	Doubts  []string // what may be wrong with set or measurement
	// ContentsSHA256 is of the pictures whatever their order and names; "" is not known.
	ContentsSHA256 string
}

// Record is the record of a set of which the items kept were read.
func (s *Set) Record(kept []int, unreadable []LeftOut) *Record {
	a := s.Account()
	a.Unreadable = unreadable
	return &Record{Set: s.Name, Rows: s.Rows(kept), Account: a, Doubts: slices.Clone(s.Doubts)}
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
	head := []string{"row", "file", "label", "class", "class_key"}
	hashed := slices.ContainsFunc(rows, func(r Row) bool { return r.SHA256 != "" })
	if hashed {
		head = append(head, hashColumn)
	}
	return csvTable(head, func(put func(...string) error) error {
		for i, r := range rows {
			fields := []string{strconv.Itoa(i), r.File, strconv.Itoa(r.Label), r.Class, r.Key, r.SHA256}
			if err := put(fields[:len(head)]...); err != nil {
				return err
			}
		}
		return nil
	})
}

// hashColumn is the column of the pictures' hashes.
const hashColumn = "sha256"

// ReadHashes reads the hashes of the pictures that a table of rows lists; it is
// empty for a table without them.
func ReadHashes(path string) (map[string]bool, error) {
	rows, err := ReadRowHashes(path)
	out := map[string]bool{}
	for _, sum := range rows {
		if sum != "" {
			out[sum] = true
		}
	}
	return out, err
}

// ReadRowHashes reads them row by row, "" for a picture without one; it is nil for a
// table without them.
func ReadRowHashes(path string) ([]string, error) { return readColumn(path, hashColumn) }

// ReadRowLabels reads the labels row by row; it is nil for a table without them.
func ReadRowLabels(path string) ([]int, error) {
	words, err := readColumn(path, "label")
	if words == nil || err != nil {
		return nil, err
	}
	out := make([]int, len(words))
	for i, w := range words {
		if out[i], err = strconv.Atoi(w); err != nil {
			return nil, fmt.Errorf("%s: row %d has label %q", path, i, w)
		}
	}
	return out, nil
}

// readColumn reads a column of a table, nil where it has none of the name.
func readColumn(path, name string) ([]string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	at := slices.Index(head, name)
	if at < 0 {
		return nil, nil
	}
	out := []string{}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, strings.Clone(fields[at]))
	}
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
