package logitfile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"clipcalib/calib"
)

// table is a file of named columns, row after row.
type table struct {
	names   []string
	numbers []float64       // [rows, columns]
	text    map[int]badCell // columns that hold other things than numbers
	rows    int
	// counting: the first line was 0, 1, 2… and was taken for names
	counting bool
}

type badCell struct {
	line  int
	value string
}

// readTable reads comma or tab separated values, with or without a line of
// names.
func readTable(ctx context.Context, r io.Reader, comma rune) (contents, error) {
	buf := bufio.NewReaderSize(r, 1<<20)
	if bom, _ := buf.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		buf.Discard(3)
	}
	c := csv.NewReader(buf)
	c.Comma, c.ReuseRecord = comma, true
	t := &table{text: map[int]badCell{}}
	for line := 1; ; line++ {
		if line%1024 == 0 && ctx.Err() != nil {
			return contents{}, ctx.Err()
		}
		record, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return contents{}, err
		}
		if line == 1 {
			if header(record) {
				t.names = slices.Clone(record)
				t.counting = record[0] == "0"
				continue
			}
			for k := range record {
				t.names = append(t.names, strconv.Itoa(k))
			}
		}
		t.addRow(record, line)
	}
	if t.rows == 0 {
		return contents{}, errors.New("no rows")
	}
	return contents{table: t}, nil
}

// header reports whether a first line holds names: anything but numbers, or
// the numbers 0, 1, 2… that pandas gives to columns without names.
func header(record []string) bool {
	counting := len(record) > 1
	for k, cell := range record {
		if _, err := strconv.ParseFloat(strings.TrimSpace(cell), 64); err != nil {
			return true
		}
		counting = counting && cell == strconv.Itoa(k)
	}
	return counting
}

// isIndex reports whether a column is the row numbers that pandas writes.
func (t *table) isIndex(k int) bool {
	if t.names[k] != "" && t.names[k] != "Unnamed: 0" && t.names[k] != "__index_level_0__" {
		return false
	}
	for i := range t.rows {
		if t.numbers[i*len(t.names)+k] != float64(i) {
			return false
		}
	}
	return true
}

func (t *table) addRow(record []string, line int) {
	for k, cell := range record {
		v, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
		if err != nil {
			v = math.NaN()
			if _, seen := t.text[k]; !seen {
				t.text[k] = badCell{line, strings.Clone(cell)}
			}
		}
		t.numbers = append(t.numbers, v)
	}
	t.rows++
}

// matrix takes the columns that the patterns name, or all but those that go by
// a label's name.
func (t *table) matrix(patterns string) (calib.Rows, []string, error) {
	var columns []int
	var left []string
	used := map[string]bool{}
	for k, name := range t.names {
		switch {
		case patterns != "":
			for pattern := range strings.SplitSeq(patterns, ",") {
				ok, err := path.Match(pattern, name)
				if err != nil {
					return nil, nil, fmt.Errorf("pattern %q: %w", pattern, err)
				}
				if ok {
					used[pattern] = true
					columns = append(columns, k)
					break
				}
			}
		case slices.Contains(Labels, strings.ToLower(name)):
			left = append(left, name)
		case t.isIndex(k):
			left = append(left, fmt.Sprintf("%q (numbers of rows)", name))
		default:
			columns = append(columns, k)
		}
	}
	for pattern := range strings.SplitSeq(patterns, ",") {
		if patterns != "" && !used[pattern] {
			return nil, nil, fmt.Errorf("no column %q; the columns are %s", pattern, shorten(t.names))
		}
	}
	if len(columns) == 0 {
		return nil, nil, errors.New("no columns of logits")
	}
	for _, k := range columns {
		if bad, ok := t.text[k]; ok {
			return nil, nil, fmt.Errorf("column %q, line %d: %q is not a number; name the columns of logits behind the path, "+
				"as in file#logit_*",
				t.names[k], bad.line, bad.value)
		}
	}
	var notes []string
	if len(left) > 0 {
		notes = append(notes, fmt.Sprintf("column %s is not a logit and was left out", strings.Join(left, ", ")))
	}
	if t.counting {
		notes = append(notes, "the first line, 0, 1, 2 and so on, was taken for names of columns")
	}
	width := len(t.names)
	m := calib.Matrix{N: t.rows, K: len(columns), Data: t.numbers}
	if len(columns) < width { // in place: a column never moves to the right
		at := 0
		for i := range t.rows {
			for _, k := range columns {
				m.Data[at] = t.numbers[i*width+k]
				at++
			}
		}
		m.Data = m.Data[:at]
	}
	return m, notes, nil
}

func (t *table) labels(key string, role Role) ([]int, error) {
	column := -1
	switch {
	case key != "":
		if column = slices.Index(t.names, key); column < 0 {
			return nil, fmt.Errorf("no column %q; the columns are %s", key, shorten(t.names))
		}
	case len(t.names) == 1:
		column = 0
	case len(t.names) == 2 && t.isIndex(0):
		column = 1
	default:
		for _, name := range role {
			at := slices.IndexFunc(t.names, func(s string) bool { return strings.EqualFold(s, name) })
			if at >= 0 {
				column = at
				break
			}
		}
		if column < 0 {
			return nil, fmt.Errorf("no column of labels among %s; name it behind the path, as in file#label",
				shorten(t.names))
		}
	}
	if bad, ok := t.text[column]; ok {
		return nil, fmt.Errorf("column %q, line %d: %q is not a number; labels are indices of classes, from 0",
			t.names[column], bad.line, bad.value)
	}
	values := make([]float64, t.rows)
	for i := range values {
		values[i] = t.numbers[i*len(t.names)+column]
	}
	return wholeNumbers(values)
}

func shorten(names []string) string {
	if len(names) > 8 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:8], ", "), len(names)-8)
	}
	return strings.Join(names, ", ")
}
