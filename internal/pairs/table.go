package pairs

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"clipcalib/internal/data"
	"clipcalib/internal/imageio"
)

// maxRows bounds a table: at 100 bytes a row this many take 5 GB.
const maxRows = 50_000_000

var (
	pathColumns    = []string{"filepath", "path", "file", "image"}
	captionColumns = []string{"title", "caption", "text"}
)

// table is a list of picture files with captions.
type table struct {
	size     int
	root     string
	paths    []string
	captions [][]string
}

// openTable reads a table whose first line may name its columns. Rows of one
// path are one picture with several captions.
func openTable(r io.Reader, path string, opts Options) (Pairs, error) {
	t := &table{size: opts.sizeOr(DefaultSize), root: opts.Root}
	if t.root == "" {
		t.root = filepath.Dir(path)
	}
	return t, t.parse(r, opts)
}

func (t *table) parse(r io.Reader, opts Options) error {
	buffered := bufio.NewReaderSize(r, 1<<16)
	head, err := buffered.Peek(1 << 12)
	if err != nil && err != io.EOF {
		return err
	}
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		_, _ = buffered.Discard(3)
		head = head[3:]
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.IndexByte(line, 0) >= 0 || !utf8.Valid(line) && len(line) < len(head) {
		return errors.New("neither a packed pool, nor a tar archive, nor a table of paths and captions")
	}
	rows := csv.NewReader(buffered)
	rows.LazyQuotes, rows.ReuseRecord, rows.FieldsPerRecord = true, true, -1
	separator := "commas"
	if bytes.IndexByte(line, '\t') >= 0 {
		rows.Comma, separator = '\t', "tabs"
	}
	return t.rows(rows, separator, opts)
}

func (t *table) rows(rows *csv.Reader, separator string, opts Options) error {
	pathAt, captionAt := 0, 1
	place := map[string]int{}
	for n := 0; ; n++ {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if n == 0 {
			p, c, named, err := columns(row, opts)
			if err != nil {
				return err
			}
			if named {
				pathAt, captionAt = p, c
				continue
			}
		}
		line, _ := rows.FieldPos(0)
		if n > maxRows {
			return fmt.Errorf("more than %d rows", maxRows)
		}
		if len(row) <= max(pathAt, captionAt) {
			return fmt.Errorf("line %d: %d columns separated by %s, want a path and a caption", line, len(row),
				separator)
		}
		if err := t.add(row[pathAt], strings.TrimSpace(row[captionAt]), place); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
	if len(t.paths) == 0 {
		return errors.New("no pictures in it")
	}
	return nil
}

func (t *table) add(path, caption string, place map[string]int) error {
	switch {
	case path == "":
		return errors.New("no path")
	case strings.IndexByte(path, 0) >= 0:
		return errors.New("path holds a zero byte")
	case caption == "":
		return fmt.Errorf("%s: no caption", path)
	case len(caption) > maxCaption:
		return fmt.Errorf("%s: caption of %d bytes, want at most %d", path, len(caption), maxCaption)
	}
	i, seen := place[path]
	if !seen {
		path = strings.Clone(path)
		i = len(t.paths)
		place[path] = i
		t.paths = append(t.paths, path)
		t.captions = append(t.captions, nil)
	}
	t.captions[i] = append(t.captions[i], strings.Clone(caption))
	return nil
}

// columns finds the two columns in a first row that names them. Without names
// asked for, a first row with none of the usual ones is a row of data.
func columns(row []string, opts Options) (path, caption int, named bool, err error) {
	path = indexOf(row, opts.PathColumn, pathColumns)
	caption = indexOf(row, opts.CaptionColumn, captionColumns)
	switch {
	case path >= 0 && caption >= 0:
		return path, caption, true, nil
	case path < 0 && opts.PathColumn != "":
		return 0, 0, false, fmt.Errorf("no column %q in %q", opts.PathColumn, row)
	case caption < 0 && opts.CaptionColumn != "":
		return 0, 0, false, fmt.Errorf("no column %q in %q", opts.CaptionColumn, row)
	}
	return 0, 1, false, nil
}

func indexOf(row []string, name string, usual []string) int {
	if name != "" {
		usual = []string{name}
	}
	for _, want := range usual {
		for i, have := range row {
			if strings.EqualFold(strings.TrimSpace(have), want) {
				return i
			}
		}
	}
	return -1
}

func (t *table) Len() int      { return len(t.paths) }
func (t *table) Size() int     { return t.size }
func (t *table) Kind(int) Kind { return Coloured }
func (t *table) Close() error  { return nil }

func (t *table) Ignored() []data.LeftOut { return nil }

func (t *table) Captions(i int) ([]string, error) {
	if err := checkIndex(i, len(t.paths)); err != nil {
		return nil, err
	}
	return t.captions[i], nil
}

func (t *table) Image(i int, dst []byte) error {
	if err := checkIndex(i, len(t.paths)); err != nil {
		return err
	}
	if err := checkRoom(dst, t.size); err != nil {
		return err
	}
	path := t.paths[i]
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.root, path)
	}
	img, err := imageio.Open(path)
	if err != nil {
		return err
	}
	return fit(dst, img, t.size)
}
