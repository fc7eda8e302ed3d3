// Package parquetscan opens parquet files whose metadata is walked and bounded
// first: the library makes room for whatever a list says of its length.
package parquetscan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

const (
	// maxFooter bounds the metadata, in bytes; a thousand columns take about 200 kB.
	maxFooter = 16 << 20
	// signature is how long that of a signed footer is.
	signature = 28
)

// Open opens a parquet file of so many bytes, without its Bloom filters. Reading
// its pages may still panic where they are damaged.
func Open(r io.ReaderAt, size int64) (f *parquet.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("parquet: the file is damaged (%v)", p)
		}
	}()
	if err := footer(r, size); err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	f, err = parquet.OpenFile(r, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	indexed, err := indexes(f, r, size)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	if indexed {
		if f, err = parquet.OpenFile(r, size, parquet.SkipBloomFilters(true)); err != nil {
			return nil, fmt.Errorf("parquet: %w", err)
		}
	}
	return f, nil
}

// footer walks the metadata at the end of the file.
func footer(r io.ReaderAt, size int64) error {
	tail := make([]byte, 8)
	if _, err := r.ReadAt(tail, max(0, size-8)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	switch magic := string(tail[4:]); {
	case magic == "PARE":
		return errors.New("the file is encrypted, which is not read")
	case magic != "PAR1" || n > size-12:
		return errors.New("the file is cut short or damaged, or no parquet file")
	case n > maxFooter:
		return fmt.Errorf("the file has metadata of %d bytes; at most %d are read", n, maxFooter)
	}
	return walkAt(r, size-8-n, n, signature)
}

// indexes walks the indexes of the pages, and says whether there are any.
func indexes(f *parquet.File, r io.ReaderAt, size int64) (found bool, err error) {
	total := int64(0)
	for _, group := range f.Metadata().RowGroups {
		for _, c := range group.Columns {
			for _, at := range []struct {
				offset int64
				length int32
			}{{c.ColumnIndexOffset, c.ColumnIndexLength}, {c.OffsetIndexOffset, c.OffsetIndexLength}} {
				if at.offset == 0 && at.length == 0 {
					continue
				}
				found = true
				total += int64(at.length)
				if at.offset < 4 || at.length < 1 || at.offset > size-int64(at.length) || total > size {
					return false, fmt.Errorf("an index of %d bytes at %d is not within its %d bytes", at.length,
						at.offset, size)
				}
				if err := walkAt(r, at.offset, int64(at.length), 0); err != nil {
					return false, err
				}
			}
		}
	}
	return found, nil
}

func walkAt(r io.ReaderAt, offset, length int64, rest int) error {
	raw := make([]byte, length)
	if _, err := r.ReadAt(raw, offset); err != nil {
		return err
	}
	return walk(raw, rest)
}
