// Package features turns data sets into feature matrices: pictures through the
// image tower, once, by way of the bank on disk; class names through the text
// tower.
package features

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strconv"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/bank"
	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/pin"
	"clipcalib/internal/run"
	"clipcalib/text"
	"clipcalib/vit"
)

// Source makes the features of one model.
type Source struct {
	Model   *clip.Model
	Beside  []*vit.Encoder // the image tower on further devices, alike, which encode too
	Weights string         // hash of the checkpoint, part of the bank's key
	Bank    string         // folder of the banks
	Strict  bool           // stop at the first picture that cannot be read
	// Prefix and NoConfig are by what the checkpoint was opened, as in
	// [weights.Options].
	Prefix   string
	NoConfig bool

	// Float16Prototypes rounds the plain mean that --compat clipcalib takes, and
	// what it is of, to float16.
	Float16Prototypes bool

	// Precision is that of the engine: features of another precision are
	// other features.
	Precision string

	// Progress and Skip, unless nil, are told how far the encoding is and
	// which pictures could not be read, each once.
	Progress func(done, total int)
	Skip     func(err error)

	prototypes map[string]adapt.Matrix // made before, by what decides them
}

// Views says which pictures of an item are encoded.
type Views struct {
	Augmented bool   // random crops and flips, in place of the centre crop
	Count     int    // views an item; 0 means 1
	Seed      uint64 // of augmented views
	// Given, unless nil, are the augmented views, in place of drawing them.
	Given *pin.Views
}

// draw makes an augmented view of an item.
func (v Views) draw(pre vit.Preprocessor, img image.Image, key string, view int) (*image.NRGBA, error) {
	if v.Given == nil {
		return pre.RandomView(img, vit.ViewRand(v.Seed, key, view), vit.Bicubic)
	}
	box, err := v.Given.Crop(key, view)
	if err != nil {
		return nil, err
	}
	return pre.View(img, box, vit.Bicubic)
}

// Crop is the box and the mirroring of an augmented view of an item of that size.
func (v Views) Crop(size image.Point, key string, view int) (vit.CropView, error) {
	if v.Given != nil {
		return v.Given.Crop(key, view)
	}
	return vit.RandomCropView(size.X, size.Y, vit.ViewRand(v.Seed, key, view)), nil
}

// Augments is the number of augmented views an item.
func (v Views) Augments() int {
	if !v.Augmented {
		return 0
	}
	return max(v.Count, 1)
}

// Set is the features of a data set.
type Set struct {
	Features adapt.Matrix // [Count*N, D], view after view
	Labels   []int        // [N]
	Kept     []int        // [N], the item of the data set that each sample is
	Views    int
	Hash     string // of the list of pictures, labels and class names
	Encoded  int    // pictures and views that the bank did not hold
	// Unreadable are the pictures that could not be read; they are left out.
	Unreadable []data.LeftOut
}

// Preprocessing says in words what happens to a picture before the tower, and
// in which precision the tower computes.
func (s Source) Preprocessing(v Views) string {
	p := s.Model.Images.Preprocessor().String() + "; " + s.Precision
	if v.Augmented && v.Given != nil {
		return fmt.Sprintf("%s; crops and flips as given, SHA-256 %s", p, v.Given.SHA256())
	}
	if v.Augmented {
		return fmt.Sprintf("%s; random resized crop and flip in place of the centre crop, seed %d", p, v.Seed)
	}
	return p
}

// Facts are what the checkpoint's tensors do not show, for records.
func (s Source) Facts() run.ModelFacts {
	c := s.Model.Config
	return run.ModelFacts{Activation: c.Activation.String(), ActivationSource: c.ActivationReason,
		PreprocessingSource: c.PreprocessReason, Prefix: s.Prefix, NoConfig: s.NoConfig}
}

// Images returns the features of every picture of a set. What the bank holds
// is not encoded again.
func (s Source) Images(ctx context.Context, set *data.Set, v Views) (Set, error) {
	out := Set{Views: max(v.Count, 1)}
	if err := set.Check(); err != nil {
		return out, err
	}
	print, err := set.Fingerprint(s.Bank)
	if err != nil {
		return out, err
	}
	out.Hash = hashSet(print, set)
	key := bank.Key{
		Weights:       s.Weights,
		Preprocessing: s.Preprocessing(v),
		Images:        print,
	}
	b, err := bank.Open(s.Bank, key, len(set.Items), 0)
	if err != nil {
		return out, err
	}
	bad := map[int]error{}
	filled, err := b.Fill(ctx, s.encoder(set, v, bad), bank.FillOptions{Width: s.Model.Images.Dim(), Views: out.Views,
		Progress: s.Progress})
	if err != nil {
		return out, err
	}
	out.Encoded = filled.Encoded
	all, failed, err := b.Features(out.Views)
	if err != nil {
		return out, err
	}
	out.Features, out.Kept = dropFailed(all, len(set.Items), failed, out.Views)
	for _, i := range out.Kept {
		out.Labels = append(out.Labels, set.Items[i].Label)
	}
	for _, row := range failed {
		i := row % len(set.Items)
		if err := bad[i]; err != nil {
			out.Unreadable = append(out.Unreadable, set.Unreadable(i, err))
			delete(bad, i)
		}
	}
	if len(out.Labels) == 0 {
		return out, fmt.Errorf("data set %s: none of its %d pictures could be read", set.Name, len(set.Items))
	}
	return out, nil
}

// Hash is [Set].Hash of a set whose pictures are not encoded here.
func (s Source) Hash(set *data.Set) (string, error) {
	print, err := set.Fingerprint(s.Bank)
	if err != nil {
		return "", err
	}
	return hashSet(print, set), nil
}

// hashSet is the hash of a set's pictures, by their fingerprint, with labels
// and class names: what a result depends on beside the model. The bank goes by
// the pictures alone.
func hashSet(print string, set *data.Set) string {
	list := append([]string{print, strconv.Itoa(len(set.Classes))}, set.Classes...)
	for _, it := range set.Items {
		list = append(list, strconv.Itoa(it.Label))
	}
	return bank.HashList(list)
}

// dropFailed leaves out the pictures that failed in any view, and returns the
// numbers of those that are left, of n.
func dropFailed(all adapt.Matrix, n int, failed []int, views int) (adapt.Matrix, []int) {
	bad := make([]bool, n)
	for _, row := range failed {
		bad[row%n] = true
	}
	var kept []int
	for i := range n {
		if !bad[i] {
			kept = append(kept, i)
		}
	}
	if len(failed) == 0 {
		return all, kept
	}
	out := adapt.Matrix{Cols: all.Cols}
	for v := range views {
		for _, i := range kept {
			out.Data = append(out.Data, all.Row(v*n+i)...)
			out.Rows++
		}
	}
	return out, kept
}

// encoder returns the function that fills a set's bank. What kept a picture from
// being read goes into unread, by the picture's number.
func (s Source) encoder(set *data.Set, v Views, unread map[int]error) bank.Encode {
	return func(ctx context.Context, items []bank.Item, put func(i int, row []float32) error) error {
		pre := s.Model.Images.Preprocessor()
		var bad error // of putting a picture that could not be read
		failed := 0
		named := map[string]bool{} // by path: a picture may be drawn more than once
		loader := vit.Loader{
			Preprocessor: pre, BatchSize: s.Model.Images.Batch(), Strict: s.Strict,
			Skip: func(i int, err error) {
				if data.LackOfMeans(err) {
					bad = errors.Join(bad, err)
					return
				}
				failed++
				bad = errors.Join(bad, put(i, nil))
				picture := items[i].Image
				unread[picture] = err
				if path := set.Items[picture].Path; s.Skip != nil && !named[path] {
					named[path] = true
					s.Skip(err)
				}
			},
		}
		if v.Augmented {
			loader.View = func(i int, img image.Image) (*image.NRGBA, error) {
				key := set.Items[items[i].Image].Key(set.Root)
				return v.draw(pre, img, key, items[i].View)
			}
		}
		open := func(i int) (image.Image, error) { return set.Items[items[i].Image].Image() }
		for b, err := range vit.EncodeBatchesOn(ctx, append([]*vit.Encoder{s.Model.Images}, s.Beside...),
			loader.Batches(ctx, len(items), open)) {
			if err == nil {
				err = bad
			}
			if err != nil && failed == len(items) && bad == nil && ctx.Err() == nil {
				return nil // each of them was reported
			}
			if err != nil {
				return err
			}
			for i, at := range b.Indices {
				if err := put(at, b.Features[i]); err != nil {
					return err
				}
			}
		}
		return bad
	}
}

// Prototypes returns the text prototypes [K, D] of classes, by the average
// that compat asks for. They are made once, and must not be changed.
func (s *Source) Prototypes(ctx context.Context, templates, classes []string, compat adapt.Compat) (adapt.Matrix,
	error) {
	average := clip.Unit
	if compat == adapt.CLIPCalib {
		average = clip.Raw
		if s.Float16Prototypes {
			average = clip.RawFloat16
		}
	}
	key := fmt.Sprintf("%v %q %q", average, templates, classes)
	if made, ok := s.prototypes[key]; ok {
		return made, nil
	}
	rows, err := s.Model.Prototypes(ctx, templates, classes, average)
	if err != nil {
		return adapt.Matrix{}, err
	}
	if len(rows) == 0 {
		return adapt.Matrix{}, errors.New("prototypes: no classes")
	}
	if s.prototypes == nil {
		s.prototypes = map[string]adapt.Matrix{}
	}
	s.prototypes[key] = join(rows)
	return s.prototypes[key], nil
}

// Classes lists classes with their prompts, for a run's record.
func Classes(templates []string, keys []data.Class) []run.Class {
	out := make([]run.Class, len(keys))
	for k, key := range keys {
		out[k].Name, out[k].Folder = key.Name, key.Folder
		for _, t := range templates {
			out[k].Prompts = append(out[k].Prompts, strings.ReplaceAll(t, text.ClassPlaceholder, key.Name))
		}
	}
	return out
}

// ZeroShotLogits are the model's scale times the cosines of features [N, D]
// and prototypes [K, D].
func (s Source) ZeroShotLogits(ctx context.Context, features, prototypes adapt.Matrix) (adapt.Matrix, error) {
	rows, err := s.Model.ZeroShot(ctx, split(features), split(prototypes))
	if err != nil {
		return adapt.Matrix{}, err
	}
	return join(rows), nil
}

func split(m adapt.Matrix) [][]float32 {
	rows := make([][]float32, m.Rows)
	for i := range rows {
		rows[i] = m.Row(i)
	}
	return rows
}

func join(rows [][]float32) adapt.Matrix {
	out := adapt.NewMatrix(len(rows), len(rows[0]))
	for i, r := range rows {
		copy(out.Row(i), r)
	}
	return out
}
