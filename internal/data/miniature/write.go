package miniature

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/imagenet"
)

// Tree is what was written.
type Tree struct {
	Root string // the folder of all sets
	Sets []Made
}

// Made is a set that was written.
type Made struct {
	Name     string            // CoOp's
	Path     string            // what --data takes
	Images   string            // the folder that pictures' paths start from; "" where they are in archives
	Split    string            // the split file, "" without one
	Parts    []string          // that it has
	Classes  []catalog.Class   // that it has, in label order
	Pictures map[string]int    // by part
	Odd      map[string]string // kind, by the path of an odd file below Images
}

// Find returns the set of a name, nil without it.
func (t *Tree) Find(name string) *Made {
	for i := range t.Sets {
		if t.Sets[i].Name == name {
			return &t.Sets[i]
		}
	}
	return nil
}

// Write writes the sets below dir. What is there already is written over.
func Write(dir string, o Options) (*Tree, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	sets, err := o.sets()
	if err != nil {
		return nil, err
	}
	t := &Tree{Root: dir}
	for _, s := range sets {
		p := o.plan(s)
		w := writer{Options: o, planned: p, root: dir, made: Made{
			Name: s.ID, Classes: p.classes, Pictures: map[string]int{}, Odd: map[string]string{}}}
		if err := w.write(); err != nil {
			return nil, fmt.Errorf("miniature of %s: %w", s.ID, err)
		}
		t.Sets = append(t.Sets, w.made)
	}
	return t, nil
}

// writer writes one set.
type writer struct {
	Options
	planned
	root string
	made Made

	linked map[int]string // by class, the file that the others are links of
	dirs   map[string]bool
}

func (w *writer) write() error {
	for _, pic := range w.pictures {
		if w.made.Pictures[pic.part] == 0 {
			w.made.Parts = append(w.made.Parts, pic.part)
		}
		w.made.Pictures[pic.part]++
	}
	w.linked, w.dirs = map[int]string{}, map[string]bool{}
	switch w.Form {
	case Parquet:
		return w.parquet()
	case Webdataset:
		return w.webdataset()
	}
	return w.folders()
}

// layout is where this form has the set.
func (w *writer) layout() catalog.Layout {
	switch {
	case w.Form == TTABC && w.TTABC.Folder != "":
		return w.TTABC
	case w.Form != CoOp:
		return w.TPT
	}
	return w.CoOp
}

// folders writes pictures as files.
func (w *writer) folders() error {
	l := w.layout()
	home := filepath.Join(w.root, filepath.FromSlash(l.Folder))
	w.made.Path, w.made.Images = home, filepath.Join(home, filepath.FromSlash(l.Images))
	for _, pic := range w.pictures {
		dir := path.Join(l.Images, l.Part(pic.part))
		file := filepath.Join(home, filepath.FromSlash(path.Join(dir, pic.path)))
		if pic.kind != "" {
			w.made.Odd[path.Join(l.Part(pic.part), pic.path)] = pic.kind
		}
		if err := w.put(file, pic); err != nil {
			return err
		}
	}
	if l.Names != "" {
		if err := writeText(filepath.Join(home, l.Names), classNames()); err != nil {
			return err
		}
	}
	switch {
	case w.Variants:
		return w.variants(home)
	case w.Split != nil && !w.NoSplits:
		w.made.Split = filepath.Join(home, w.SplitName())
		if w.Form != CoOp {
			w.made.Split = filepath.Join(w.root, "data_splits", w.SplitName())
		}
		return writeText(w.made.Split, w.splitFile())
	}
	return nil
}

// put draws a picture into a file, or links it to one of its class.
func (w *writer) put(file string, pic picture) error {
	if dir := filepath.Dir(file); !w.dirs[dir] {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		w.dirs[dir] = true
	}
	first, ok := w.linked[pic.label]
	if w.Real && ok && pic.kind == "" {
		return os.Link(first, file)
	}
	content, err := w.content(pic)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return err
	}
	if pic.kind == "" {
		w.linked[pic.label] = file
	}
	return nil
}

func (w *writer) content(pic picture) ([]byte, error) {
	l, drifted := looks[w.ID]
	if !drifted {
		l = look{noise: 12, dim: 1}
	}
	return encode(draw(w.ID, w.look(pic.label), pic.row, w.Size, l), pic.kind)
}

// look is what decides a class's looks: its WordNet id, or its name.
func (w *writer) look(k int) string {
	if of := w.ImageNetLabels(); of != nil {
		return imagenet.WordNetIDs()[of[w.labels[k]]]
	}
	return w.classes[k].Name
}

// splitFile is CoOp's, byte for byte as Dassl's write_json writes it.
func (w *writer) splitFile() []byte {
	var b bytes.Buffer
	b.WriteString("{\n")
	for i, part := range catalog.Parts() {
		fmt.Fprintf(&b, "    %q: [\n", part)
		first := true
		for _, pic := range w.pictures {
			if pic.part != part {
				continue
			}
			if !first {
				b.WriteString(",\n")
			}
			first = false
			fmt.Fprintf(&b, "        [\n            %q,\n            %d,\n            %q\n        ]", pic.path,
				pic.label, w.classes[pic.label].Name)
		}
		b.WriteString("\n    ]")
		if i < 2 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	b.WriteString("}")
	return b.Bytes()
}

// variants writes the lists of FGVC-Aircraft.
func (w *writer) variants(home string) error {
	var names strings.Builder
	lists := map[string]*strings.Builder{}
	for _, c := range w.classes {
		names.WriteString(c.Name + "\n")
	}
	for _, part := range w.made.Parts {
		lists[part] = &strings.Builder{}
	}
	for _, pic := range w.pictures {
		fmt.Fprintf(lists[pic.part], "%s %s\n", strings.TrimSuffix(pic.path, ".jpg"), w.classes[pic.label].Name)
	}
	for part, list := range lists {
		if err := writeText(filepath.Join(home, "images_variant_"+part+".txt"), []byte(list.String())); err != nil {
			return err
		}
	}
	return writeText(filepath.Join(home, "variants.txt"), []byte(names.String()))
}

// classNames is CoOp's classnames.txt.
func classNames() []byte {
	var b bytes.Buffer
	names := imagenet.Names()
	for i, id := range imagenet.WordNetIDs() {
		b.WriteString(id + " " + names[i] + "\n")
	}
	return b.Bytes()
}

func writeText(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
