package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	// The lighter of the two kept readers: a tenth of arrow-go's dependencies,
	// none of them generated clients of services.
	"github.com/parquet-go/parquet-go"

	"clipcalib/internal/parquetscan"
	"clipcalib/internal/regular"
)

// parquetFiles reads parquet files as Hugging Face's data sets are published: a
// column of pictures, each a struct of bytes and path, and a column of labels,
// whose names stand in the file's metadata "huggingface".
func parquetFiles(path string, files []string, opt Options) (layout, error) {
	return shards(path, files, func(set *Set, files []string) error { return set.readParquet(files, opt) })
}

func (s *Set) readParquet(files []string, opt Options) error {
	var entries []listEntry
	var names []string
	for i, file := range files {
		t, err := openTable(file, opt.LabelColumn)
		if err != nil {
			return fmt.Errorf("%s: %w", file, cause(err))
		}
		labels, err := t.labels()
		if err != nil {
			return fmt.Errorf("%s: column %s: %w", file, t.label.name, err)
		}
		if i > 0 && !slices.Equal(names, t.label.classes) {
			return fmt.Errorf("%s names other classes than %s", file, files[0])
		}
		names = t.label.classes
		for row, label := range labels {
			it := t.item(file, row)
			entries = append(entries, listEntry{path: it.Path, label: label, line: row})
			s.Items = append(s.Items, it)
		}
	}
	return s.labelRows(entries, names, opt)
}

// item is the picture of a row.
func (t *table) item(file string, row int) Item {
	return Item{
		Path: file + "#" + strconv.Itoa(row), Container: file,
		Bytes: func() ([]byte, error) { return t.picture(int64(row)) },
	}
}

// labelRows labels the items by the entries' labels: numbers of the names that
// the metadata has, or names.
func (s *Set) labelRows(entries []listEntry, names []string, opt Options) error {
	var file *ClassNames
	switch {
	case opt.ClassNames != "":
		var err error
		if file, err = ReadClassNames(opt.ClassNames); err != nil {
			return err
		}
	case len(names) > 0:
		for i, e := range entries {
			k, err := strconv.Atoi(e.label)
			if err != nil || k < 0 || k >= len(names) {
				return fmt.Errorf("%s: label %s, want 0 to %d (parts that are published without labels have -1)",
					e.path, e.label, len(names)-1)
			}
			s.Items[i].Label = k
		}
		s.Classes = names
		return nil
	}
	classes, labels, note, err := resolveLabels(entries, file, opt.AllowEmptyClasses)
	if err != nil {
		return err
	}
	if note != "" {
		s.note("%s", note)
	}
	s.setClasses(classes)
	for i := range s.Items {
		s.Items[i].Label = labels[i]
	}
	return nil
}

// feature is a column as Hugging Face describes it.
type feature struct {
	Type  string   `json:"_type"`
	Names []string `json:"names"`
}

// huggingFace are the features that a file's metadata describes.
func huggingFace(f *parquet.File) map[string]feature {
	text, _ := f.Lookup("huggingface")
	var doc struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(text), &doc) != nil {
		return nil
	}
	out := map[string]feature{}
	for name, raw := range doc.Info.Features {
		var one feature
		if json.Unmarshal(raw, &one) == nil {
			out[name] = one
		}
	}
	return out
}

// labelColumn is where a file has its labels.
type labelColumn struct {
	name    string
	leaf    int
	classes []string
}

// openTable opens a parquet file and finds its columns.
func openTable(path, wanted string) (*table, error) {
	t, err := openPictures(path)
	if err == nil {
		t.label, err = findLabels(t.file, huggingFace(t.file), wanted)
	}
	return t, err
}

// openPictures opens a parquet file and finds its column of pictures. The file
// stays open as long as the pictures are wanted.
func openPictures(path string) (t *table, err error) {
	defer mend(&err)
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file, err := parquetscan.Open(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t = &table{file: file}
	if t.pictures, err = pictureColumn(file, huggingFace(file)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// pictureColumn is the leaf of the pictures' bytes.
func pictureColumn(f *parquet.File, features map[string]feature) (int, error) {
	found := map[string]int{}
	var all []string
	for _, c := range f.Root().Columns() {
		all = append(all, c.Name())
		if b := c.Column("bytes"); !c.Leaf() && b != nil && b.Leaf() && c.MaxRepetitionLevel() == 0 {
			found[c.Name()] = b.Index()
		} else if features[c.Name()].Type == "Image" && c.Leaf() {
			found[c.Name()] = c.Index()
		}
	}
	for _, name := range []string{"image", "img", "jpg", "png", "webp"} {
		if leaf, ok := found[name]; ok {
			return leaf, nil
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d columns of pictures (a struct of bytes and path) among %s, want one, or one called image",
			len(found), strings.Join(all, ", "))
	}
	for _, leaf := range found {
		return leaf, nil
	}
	return 0, nil
}

// findLabels is the column asked for, else label, else the only one of class
// labels.
func findLabels(f *parquet.File, features map[string]feature, wanted string) (labelColumn, error) {
	var labels, all []string
	leaves := map[string]int{}
	for _, c := range f.Root().Columns() {
		if !c.Leaf() || c.Repeated() {
			continue
		}
		all = append(all, c.Name())
		leaves[c.Name()] = c.Index()
		if features[c.Name()].Type == "ClassLabel" {
			labels = append(labels, c.Name())
		}
	}
	at := func(name string) (labelColumn, error) {
		return labelColumn{name: name, leaf: leaves[name], classes: features[name].Names}, nil
	}
	if wanted != "" {
		if _, ok := leaves[wanted]; !ok {
			return labelColumn{}, fmt.Errorf("no column %q; it has %s", wanted, strings.Join(all, ", "))
		}
		return at(wanted)
	}
	for _, name := range []string{"label", "labels", "cls"} {
		if _, ok := leaves[name]; ok {
			return at(name)
		}
	}
	if len(labels) == 1 {
		return at(labels[0])
	}
	return labelColumn{}, fmt.Errorf("which of the columns %s has the labels? name it with --label-column",
		strings.Join(all, ", "))
}

// labels reads the whole column of labels, as text.
func (t *table) labels() (out []string, err error) {
	defer mend(&err)
	for _, g := range t.file.RowGroups() {
		pages := g.ColumnChunks()[t.label.leaf].Pages()
		err := eachValue(pages, func(v parquet.Value) error {
			switch {
			case v.IsNull():
				return fmt.Errorf("row %d has no label", len(out))
			case v.Kind() == parquet.Int64, v.Kind() == parquet.Int32:
				out = append(out, strconv.FormatInt(v.Int64(), 10))
			case v.Kind() == parquet.ByteArray:
				out = append(out, string(v.ByteArray()))
			default:
				return fmt.Errorf("values of kind %v, want whole numbers or names", v.Kind())
			}
			return nil
		})
		if err := errors.Join(err, pages.Close()); err != nil {
			return nil, err
		}
	}
	if int64(len(out)) != t.file.NumRows() {
		return nil, fmt.Errorf("%d labels in %d rows", len(out), t.file.NumRows())
	}
	return out, nil
}

// eachValue calls f with every value of a column without lists.
func eachValue(pages parquet.Pages, f func(parquet.Value) error) error {
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = pageValues(page, f)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
}

func pageValues(page parquet.Page, f func(parquet.Value) error) error {
	values := page.Values()
	buf := make([]parquet.Value, 256)
	for {
		n, err := values.ReadValues(buf)
		for _, v := range buf[:n] {
			if err := f(v); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// mend turns a panic over damaged input, which the reader is not free of, into
// an error.
func mend(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("damaged parquet file (%v)", r)
	}
}
