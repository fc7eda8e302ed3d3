// Package pin keeps what chance decides of a training or a tuning in files that
// Python reads, and reads them back, so that one program can be held to another
// step by step:
//
//	init.safetensors  initial values of what trains, by name
//	order.npy         int64 [steps, batch], the rows of every batch; row v*N+i is
//	                  view v of sample i
//	views.csv         box and mirroring of every augmented view of a picture
//	shots.json        the pictures, sample by sample, as CoOp's split files have them
//	features.safetensors  features, labels and text_features, of which they are rows
package pin

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"clipcalib/adapt"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/npy"
	"clipcalib/internal/regular"
	"clipcalib/vit"
	"clipcalib/weights"
)

// The files.
const (
	InitFile     = "init.safetensors"
	OrderFile    = "order.npy"
	ViewsFile    = "views.csv"
	ShotsFile    = "shots.json"
	FeaturesFile = "features.safetensors"
)

// Find returns the path of a file of a folder, "" if it is not there.
func Find(dir, file string) string {
	path := filepath.Join(dir, file)
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return path
	}
	return ""
}

// WriteInit writes initial values.
func WriteInit(dir string, init map[string]adapt.Value) error {
	var out []weights.NamedTensor
	for _, name := range slices.Sorted(maps.Keys(init)) {
		out = append(out, weights.NamedTensor{Name: name, Shape: init[name].Shape, Data: init[name].Data})
	}
	return weights.WriteSafetensors(filepath.Join(dir, InitFile), out, nil)
}

// WriteOrder writes the rows of batches.
func WriteOrder(dir string, rows []int32, batch int) error {
	wide := make([]int64, len(rows))
	for i, r := range rows {
		wide[i] = int64(r)
	}
	return npy.WriteFile(filepath.Join(dir, OrderFile), wide, len(rows)/batch, batch)
}

// ReadOrder reads the rows of batches, whole numbers of any type in any shape.
func ReadOrder(path string) ([]int32, error) {
	a, err := npy.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := make([]int32, 0, a.Len())
	for i, v := range a.Float64s() {
		r := int32(v)
		if float64(r) != v || r < 0 {
			return nil, fmt.Errorf("%s: value %d is %g, want the number of a row", path, i, v)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no rows", path)
	}
	return out, nil
}

// Views are boxes and mirrorings, by picture and view.
type Views struct {
	path, sum string
	of        map[string]map[int]vit.CropView
	contents  map[string]string // SHA-256 of pictures; nil where the file has none
}

// View is one of them.
type View struct {
	Picture string // its path within the data set
	View    int
	vit.CropView
	SHA256 string // of the picture's file; "" is not known
}

var viewsHead = []string{"picture", "view", "left", "top", "width", "height", "flip"}

// contentHead is a column behind those, which files of other programs may lack.
const contentHead = "sha256"

// WriteViews writes views.
func WriteViews(dir string, views []View) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{append(slices.Clone(viewsHead), contentHead)}
	for _, v := range views {
		flip := "0"
		if v.Flip {
			flip = "1"
		}
		rows = append(rows, []string{v.Picture, strconv.Itoa(v.View), strconv.Itoa(v.Box.Min.X),
			strconv.Itoa(v.Box.Min.Y), strconv.Itoa(v.Box.Dx()), strconv.Itoa(v.Box.Dy()), flip, v.SHA256})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, ViewsFile), b.Bytes())
}

// ReadViews reads views.
func ReadViews(path string) (*Views, error) {
	raw, err := regular.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v := &Views{path: path, sum: fmt.Sprintf("%x", sha256.Sum256(raw)), of: map[string]map[int]vit.CropView{}}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(rows) < 2 || !slices.Equal(rows[0], viewsHead) && !slices.Equal(rows[0], append(viewsHead, contentHead)):
		return nil, fmt.Errorf("%s: want the columns %v, then or not %s, and a view", path, viewsHead, contentHead)
	}
	if len(rows[0]) > len(viewsHead) {
		v.contents = map[string]string{}
	}
	for i, row := range rows[1:] {
		if err := v.add(row); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, i+2, err)
		}
	}
	return v, nil
}

func (v *Views) add(row []string) error {
	var n [6]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(row[i+1]); err != nil || n[i] < 0 || n[i] > 1<<20 {
			return fmt.Errorf("%s is %q, want a number of 0 or more", viewsHead[i+1], row[i+1])
		}
	}
	if n[3] == 0 || n[4] == 0 || n[5] > 1 {
		return errors.New("want a box that is not empty, and flip 0 or 1")
	}
	of := v.of[row[0]]
	if of == nil {
		of = map[int]vit.CropView{}
		v.of[row[0]] = of
	}
	if _, twice := of[n[0]]; twice {
		return fmt.Errorf("view %d of %s is there twice", n[0], row[0])
	}
	if v.contents != nil {
		sum, known := v.contents[row[0]]
		if now := row[len(viewsHead)]; known && sum != now {
			return fmt.Errorf("%s is the name of two pictures, of SHA-256 %.12q and %.12q", row[0], sum, now)
		}
		v.contents[row[0]] = row[len(viewsHead)]
	}
	of[n[0]] = vit.CropView{Box: image.Rect(n[1], n[2], n[1]+n[3], n[2]+n[4]), Flip: n[5] == 1}
	return nil
}

// Crop is a view of a picture.
func (v *Views) Crop(picture string, view int) (vit.CropView, error) {
	c, ok := v.of[picture][view]
	if !ok {
		return c, fmt.Errorf("%s has no view %d of %s", v.path, view, picture)
	}
	return c, nil
}

// Named says that the file keeps nothing but the names of pictures.
func (v *Views) Named() bool { return v.contents == nil }

// Check refuses a picture of that name and SHA-256, "" for one in memory alone, whose
// views are of another picture.
func (v *Views) Check(picture, sum string) error {
	if was := v.contents[picture]; was != "" && sum != "" && was != sum {
		return fmt.Errorf("%s has views of another picture of the name %s: its SHA-256 was %.12s, and here it is %.12s",
			v.path, picture, was, sum)
	}
	return nil
}

// SHA256 is of the file.
func (v *Views) SHA256() string { return v.sum }

// Count is the number of a picture's views: one more than the largest view.
func (v *Views) Count() (n int) {
	for _, of := range v.of {
		for view := range of {
			n = max(n, view+1)
		}
	}
	return n
}
