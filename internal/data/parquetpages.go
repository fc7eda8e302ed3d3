package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/parquet-go/parquet-go"
)

// table is an open parquet file of pictures. Pages are read in order and kept
// for a while, since loaders ask for rows nearly in order and from several
// goroutines.
type table struct {
	file     *parquet.File
	pictures int // leaf of the bytes
	label    labelColumn

	mu    sync.Mutex
	pages parquet.Pages // of the row group that is read at the moment
	group int
	next  int64 // row of the file that the next page starts at
	kept  []pageRows
}

// pageRows are the pictures of a page.
type pageRows struct {
	first    int64 // row of the file
	pictures [][]byte
	size     int
}

// maxKept bounds the pages kept, in bytes; the last one read is always kept.
const maxKept = 64 << 20

// picture returns the bytes of a row.
func (t *table) picture(row int64) (_ []byte, err error) {
	defer mend(&err)
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		for _, p := range t.kept {
			if i := row - p.first; i >= 0 && i < int64(len(p.pictures)) {
				if p.pictures[i] == nil {
					return nil, errors.New("no bytes in this row")
				}
				return p.pictures[i], nil
			}
		}
		if err := t.readTo(row); err != nil {
			return nil, err
		}
	}
}

// readTo reads the page that holds a row, from the nearest place on.
func (t *table) readTo(row int64) error {
	group, first := 0, int64(0)
	groups := t.file.RowGroups()
	for group < len(groups) && row >= first+groups[group].NumRows() {
		first += groups[group].NumRows()
		group++
	}
	if row < 0 || group == len(groups) {
		return fmt.Errorf("row %d of %d", row, t.file.NumRows())
	}
	if err := t.goTo(row, group, first, groups[group].ColumnChunks()[t.pictures]); err != nil {
		return err
	}
	for {
		page, err := t.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("row %d is missing", row)
		}
		if err != nil {
			return err
		}
		p := pageRows{first: t.next}
		err = pageValues(page, func(v parquet.Value) error {
			var b []byte
			if !v.IsNull() {
				b = bytes.Clone(v.ByteArray())
			}
			p.pictures = append(p.pictures, b)
			p.size += len(b)
			return nil
		})
		parquet.Release(page)
		if err != nil {
			return err
		}
		t.next += int64(len(p.pictures))
		if row < t.next {
			t.keep(p)
			return nil
		}
	}
}

// nearby is how far apart the rows are that loaders ask for at one time.
const nearby = 64

// goTo makes the pages go on somewhere before a row: where they are, at the
// start of the row's group, or, if the file says where its pages lie, nearby.
func (t *table) goTo(row int64, group int, first int64, chunk parquet.ColumnChunk) error {
	here := t.pages != nil && t.group == group && row >= t.next
	if here && row <= t.next+nearby {
		return nil
	}
	from := max(first, row-nearby)
	_, err := chunk.OffsetIndex()
	indexed := err == nil && from > first
	if here && !indexed {
		return nil
	}
	if t.pages != nil {
		t.pages.Close()
	}
	t.pages, t.group, t.next = chunk.Pages(), group, first
	if !indexed {
		return nil
	}
	t.next = from
	return t.pages.SeekToRow(from - first)
}

// keep adds a page and forgets the oldest ones.
func (t *table) keep(p pageRows) {
	t.kept = append(t.kept, p)
	total := 0
	for _, k := range t.kept {
		total += k.size
	}
	for len(t.kept) > 1 && total > maxKept {
		total -= t.kept[0].size
		t.kept = t.kept[1:]
	}
}
