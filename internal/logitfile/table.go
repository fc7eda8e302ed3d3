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
	"slices"
	"strconv"
	"strings"
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
	if err := foreignNumbers(buf, comma); err != nil {
		return contents{}, err
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

func (t *table) labels(key string, role Role) ([]int, error) {
	column := -1
	switch {
	case key != "":
		if column = slices.Index(t.names, key); column < 0 {
			return nil, fmt.Errorf("no column %q; the columns are %s", key, shorten(t.names))
		}
	case len(t.names) == 1:
		column = 0
	case len(t.names) == 2 && t.index(0) == counts:
		column = 1
	default:
		for k := range t.names {
			if t.index(k) == shuffled {
				return nil, t.shuffledError(k, "labels", "label")
			}
		}
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
