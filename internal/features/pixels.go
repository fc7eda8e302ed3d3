package features

import (
	"context"
	"fmt"
	"iter"

	"clipcalib/internal/data"
	"clipcalib/internal/imageio"
	"clipcalib/vit"
)

// Pixels reads the pictures of a data set anew each time, for methods that
// prompt the image tower and so can use no features.
type Pixels struct {
	set   *data.Set
	kept  []int
	pre   vit.Preprocessor
	views Views
}

// Pixels gives the pictures of a set that kept lists, such as [Set].Kept, in
// the views that Images encodes.
func (s Source) Pixels(set *data.Set, kept []int, v Views) Pixels {
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
	} else if img, err = p.views.draw(p.pre, img, item.Key(p.set.Root), view); err == nil {
		err = p.pre.Normalize(dst, img)
	}
	if err != nil {
		return fmt.Errorf("image %s: %w", item.Path, err)
	}
	return nil
}

// InOrder returns a function that writes the tower's input for the samples, as
// CLIP preprocesses them, the first to begin with: pictures ahead of the one
// that is asked for are read meanwhile, on all processors. A sample out of turn
// is read by itself. The function serves one caller until stop is called.
func (p Pixels) InOrder(ctx context.Context) (read func(sample int, dst []float32) error, stop func()) {
	p.views.Augmented = false
	plain := func(i int) ([]float32, error) {
		dst := make([]float32, p.pre.Len())
		return dst, p.View(i, 0, dst)
	}
	next, stop := func() ([]float32, error, bool) { return nil, nil, false }, func() {}
	at := 0
	read = func(i int, dst []float32) error {
		if i != at {
			return p.View(i, 0, dst)
		}
		if at == 0 {
			next, stop = iter.Pull2(imageio.Ordered(ctx, len(p.kept), 0, readAhead, plain))
		}
		at++
		pixels, err, ok := next()
		if err == nil && !ok {
			err = ctx.Err()
		}
		if err == nil {
			copy(dst, pixels)
		}
		return err
	}
	return read, func() { stop() }
}

// readAhead is the number of pictures read before they are asked for.
const readAhead = 32
