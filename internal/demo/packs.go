// Package demo holds what `clipcalib demo` runs on: two tasks of real pictures
// that ship inside the program.
//
// The emoji task asks which of 34 kinds of thing an emoji shows. Its source
// domain is one vendor's drawing style, its drifted domains are the same
// concepts drawn by others. Folds split concepts, so no concept is in two folds
// under any style. The fashion task asks for the garment in a photograph; its
// drift is made at run time by the corruptions of corrupt.go.
//
// packs/NOTICE.md names the pictures' makers and licences.
package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"image"
	"image/png"

	"clipcalib/internal/data"
	"clipcalib/internal/imageio"
)

//go:embed packs/*.png packs/*.json
var packFiles embed.FS

// Fold names a disjoint part of a task's pictures.
type Fold string

// The folds. Shots are drawn from FoldShots, settings chosen on FoldVal;
// FoldTest is only ever measured on.
const (
	FoldShots Fold = "shots"
	FoldVal   Fold = "val"
	FoldTest  Fold = "test"
)

// Folds lists every fold.
var Folds = []Fold{FoldShots, FoldVal, FoldTest}

// Task is one classification problem with a source domain and drifted ones.
type Task struct {
	Name    string // "emoji" or "fashion"
	Title   string // a few words for a heading
	Classes []string
	// Templates are the prompts to choose from or to average over, with "{}"
	// for the class name. The first is the default.
	Templates []string
	// Domains starts with the source; every other one is drifted.
	Domains []*Domain
}

// Domain is one look of a task's pictures.
type Domain struct {
	Name     string // such as "fluent-3d" or "blur-3"
	Title    string // for tables
	Severity int    // 1 to 5 for a corruption, 0 otherwise
	sets     map[Fold]*data.Set
}

// Set returns the labelled pictures of a fold in their fixed order. Every
// domain of a task has the same items in the same order; only the pixels
// differ. The set is shared: callers must not change it.
func (d *Domain) Set(f Fold) (*data.Set, error) {
	s, ok := d.sets[f]
	if !ok {
		return nil, fmt.Errorf("demo domain %s: no fold %q, want one of %v", d.Name, f, Folds)
	}
	return s, nil
}

// Source returns the task's source domain.
func (t *Task) Source() *Domain { return t.Domains[0] }

// Domain finds a domain by name.
func (t *Task) Domain(name string) (*Domain, error) {
	for _, d := range t.Domains {
		if d.Name == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("demo task %s: no domain %q", t.Name, name)
}

// sheet is a picture of equal square tiles in rows.
type sheet struct {
	pixels  *image.NRGBA
	tile    int
	columns int
}

// openSheet decodes an embedded sheet and checks that it holds n tiles.
func openSheet(file string, tile, columns, n int) (*sheet, error) {
	data, err := packFiles.ReadFile("packs/" + file)
	if err != nil {
		return nil, fmt.Errorf("demo pack %s: %w", file, err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("demo pack %s: %w", file, err)
	}
	size := img.Bounds().Size()
	if tile <= 0 || columns <= 0 || size.X != tile*columns || size.Y/tile*columns < n {
		return nil, fmt.Errorf("demo pack %s: %d x %d pixels do not hold %d tiles of %d in rows of %d",
			file, size.X, size.Y, n, tile, columns)
	}
	return &sheet{imageio.ToRGB(img), tile, columns}, nil
}

// at copies the i-th tile.
func (s *sheet) at(i int) *image.NRGBA {
	x, y := i%s.columns*s.tile, i/s.columns*s.tile
	out := image.NewNRGBA(image.Rect(0, 0, s.tile, s.tile))
	for row := range s.tile {
		from := s.pixels.PixOffset(x, y+row)
		copy(out.Pix[row*out.Stride:][:out.Stride], s.pixels.Pix[from:])
	}
	return out
}

func readIndex(file string, into any) error {
	data, err := packFiles.ReadFile("packs/" + file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("demo pack %s: %w", file, err)
	}
	return nil
}

// checkSets refuses a pack whose labels do not fit its classes.
func checkSets(d *Domain) error {
	for _, f := range Folds {
		if err := d.sets[f].Check(); err != nil {
			return fmt.Errorf("demo pack: %w", err)
		}
	}
	return nil
}
