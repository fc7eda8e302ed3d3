package logitfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"clipcalib/internal/parquetscan"

	"github.com/parquet-go/parquet-go"
)

// mostCells bounds the numbers of a parquet file of so many bytes: its
// run-length encoding may promise far more than they hold.
func mostCells(size int64) int64 { return max(1<<22, 16*size) }

// openParquet reads plain numeric columns, one a class, or one column of lists
// of equal length, one element a class.
func openParquet(ctx context.Context, f io.ReaderAt, size int64) (c contents, err error) {
	// The library trusts a file's metadata in places.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parquet: the file is damaged (%v)", r)
		}
	}()
	p, err := parquetscan.Open(f, size)
	if err != nil {
		return contents{}, err
	}
	paths := p.Schema().Columns()
	if p.NumRows() < 1 || len(paths) == 0 {
		return contents{}, errors.New("parquet: no rows")
	}
	if p.NumRows() > mostCells(size)/int64(len(paths)) {
		return contents{}, fmt.Errorf("parquet: %d rows of %d columns in %d bytes; the file is damaged",
			p.NumRows(), len(paths), size)
	}
	t := &table{text: map[int]badCell{}, rows: int(p.NumRows())}
	var columns []parquetColumn
	for i, path := range paths {
		c := parquetColumn{index: i, name: strings.Join(path, "."), list: isList(p, i)}
		if c.list { // the levels below are of the format
			c.name = path[0]
		}
		columns = append(columns, c)
	}
	for i := range columns {
		if err := columns[i].read(ctx, p, t.rows, mostCells(size)); err != nil {
			return contents{}, fmt.Errorf("parquet: column %s: %w", columns[i].name, err)
		}
		width := len(columns[i].values) / t.rows
		for e := range width {
			name := columns[i].name
			if columns[i].list {
				name = fmt.Sprintf("%s.%d", name, e)
			}
			if columns[i].bad != nil {
				t.text[len(t.names)] = *columns[i].bad
			}
			t.names = append(t.names, name)
		}
	}
	t.numbers = make([]float64, 0, t.rows*len(t.names))
	for i := range t.rows {
		for _, c := range columns {
			width := len(c.values) / t.rows
			t.numbers = append(t.numbers, c.values[i*width:(i+1)*width]...)
		}
	}
	return contents{table: t}, nil
}

func isList(p *parquet.File, column int) bool {
	leaf, ok := p.Schema().Lookup(p.Schema().Columns()[column]...)
	return ok && leaf.MaxRepetitionLevel > 0
}

type parquetColumn struct {
	index  int
	name   string
	list   bool
	values []float64
	bad    *badCell // what is not a number
}

func (c *parquetColumn) read(ctx context.Context, p *parquet.File, rows int, most int64) error {
	width, row, inRow := 0, -1, 0
	endRow := func() error {
		if row < 0 {
			return nil
		}
		if row == 0 {
			width = inRow
		}
		if inRow != width {
			return fmt.Errorf("row %d has %d values, row 0 has %d", row, inRow, width)
		}
		return nil
	}
	buf := make([]parquet.Value, min(4096, max(rows, 16)))
	for _, group := range p.RowGroups() {
		pages := group.ColumnChunks()[c.index].Pages()
		defer pages.Close()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			values := page.Values()
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				n, err := values.ReadValues(buf)
				for _, v := range buf[:n] {
					if v.RepetitionLevel() == 0 {
						if err := endRow(); err != nil {
							return err
						}
						row, inRow = row+1, 0
					}
					inRow++
					if int64(len(c.values)) >= most || row >= rows {
						return fmt.Errorf("more numbers than %d rows can have; the file is damaged", rows)
					}
					c.values = append(c.values, c.number(v, row))
				}
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					return err
				}
			}
			parquet.Release(page)
		}
	}
	if err := endRow(); err != nil {
		return err
	}
	if row+1 != rows {
		return fmt.Errorf("%d rows, the file says %d", row+1, rows)
	}
	return nil
}

// number notes the first value that is none; a null is not taken for 0.
func (c *parquetColumn) number(v parquet.Value, row int) float64 {
	if !v.IsNull() {
		switch v.Kind() {
		case parquet.Double:
			return v.Double()
		case parquet.Float:
			return float64(v.Float())
		case parquet.Int32:
			return float64(v.Int32())
		case parquet.Int64:
			return float64(v.Int64())
		}
	}
	if c.bad == nil {
		text := "null"
		if !v.IsNull() {
			text = strings.ToValidUTF8(fmt.Sprintf("%.40v", v), "?")
		}
		c.bad = &badCell{row + 1, text}
	}
	return math.NaN()
}
