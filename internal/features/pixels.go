package features

import (
	"fmt"

	"clipcalib/internal/dataset"
	"clipcalib/vit"
)

// Pixels reads the pictures of a data set anew each time, for methods that
// prompt the image tower and so can use no features.
type Pixels struct {
	set   *dataset.Set
	kept  []int
	pre   vit.Preprocessor
	views Views
}

// Pixels gives the pictures of a set that kept lists, such as [Set].Kept, in
// the views that Images encodes.
func (s Source) Pixels(set *dataset.Set, kept []int, v Views) Pixels {
	return Pixels{set: set, kept: kept, pre: s.Model.Images.Preprocessor(), views: v}
}

// View writes the tower's input for a view of a sample, 3 x S x S.
func (p Pixels) View(sample, view int, dst []float32) error {
	item := p.set.Items[p.kept[sample]]
	img, err := item.Image()
	if err != nil {
		return err
	}
	if !p.views.Augmented {
		err = p.pre.Into(dst, img)
	} else if img, err = p.pre.RandomView(img, vit.ViewRand(p.views.Seed, item.Key(p.set.Root), view), vit.Bicubic); err == nil {
		err = p.pre.Normalize(dst, img)
	}
	if err != nil {
		return fmt.Errorf("image %s: %w", item.Path, err)
	}
	return nil
}

// Plain writes the tower's input for a sample as CLIP preprocesses it.
func (p Pixels) Plain(sample int, dst []float32) error {
	p.views.Augmented = false
	return p.View(sample, 0, dst)
}
