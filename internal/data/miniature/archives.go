package miniature

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"clipcalib/internal/data/catalog"

	"github.com/parquet-go/parquet-go"
)

// hubParts are the parts' names in Hugging Face's files.
var hubParts = map[string]string{catalog.Train: "train", catalog.Val: "validation", catalog.Test: "test"}

// hubRow is a row of Hugging Face's.
type hubRow struct {
	Image struct {
		Bytes []byte `parquet:"bytes"`
		Path  string `parquet:"path"`
	} `parquet:"image"`
	Label int64 `parquet:"label"`
}

// parquet writes a file for each part below NAME/data.
func (w *writer) parquet() error {
	w.made.Path = filepath.Join(w.root, w.Aliases[0])
	features, err := json.Marshal(map[string]any{"info": map[string]any{"features": map[string]any{
		"image": map[string]any{"_type": "Image"},
		"label": map[string]any{"_type": "ClassLabel", "names": w.names()},
	}}})
	if err != nil {
		return err
	}
	for _, part := range w.made.Parts {
		var rows []hubRow
		for _, pic := range w.pictures {
			if pic.part != part {
				continue
			}
			var row hubRow
			row.Label, row.Image.Path = int64(pic.label), path.Base(pic.path)
			if row.Image.Bytes, err = w.content(pic); err != nil {
				return err
			}
			rows = append(rows, row)
		}
		file := filepath.Join(w.made.Path, "data", hubParts[part]+"-00000-of-00001.parquet")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := parquet.WriteFile(file, rows, parquet.KeyValueMetadata("huggingface", string(features))); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) names() []string {
	var names []string
	for _, c := range w.classes {
		names = append(names, c.Name)
	}
	return names
}

// webdataset writes an archive for each part, and the class names beside them.
func (w *writer) webdataset() error {
	w.made.Path = filepath.Join(w.root, "wds_"+w.Aliases[0])
	for _, part := range w.made.Parts {
		if err := w.tar(part); err != nil {
			return err
		}
	}
	return writeText(filepath.Join(w.made.Path, "classnames.txt"), []byte(strings.Join(w.names(), "\n")+"\n"))
}

func (w *writer) tar(part string) error {
	file := filepath.Join(w.made.Path, part, "0.tar")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	t := tar.NewWriter(f)
	put := func(name string, content []byte) error {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err := t.Write(content)
		return err
	}
	n := 0
	for _, pic := range w.pictures {
		if pic.part != part {
			continue
		}
		content, err := w.content(pic)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("s%07d", n)
		n++
		if err := put(key+".jpg", content); err != nil {
			return err
		}
		if err := put(key+".cls", []byte(fmt.Sprint(pic.label))); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return f.Close()
}
