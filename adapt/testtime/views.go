package testtime

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"runtime"

	"clipcalib/internal/caught"
	"clipcalib/internal/imageio"
	"clipcalib/vit"

	"golang.org/x/sync/errgroup"
)

// ViewKey says what names a picture in the seeds of its views: the SHA-256 of
// its pixels. Recipes hold it. Those of older versions have none: there it was
// the picture's path.
const ViewKey = "pixels/1"

// Views returns the views of an image as the image tower takes them: the image
// as CLIP preprocesses it, then augmented views, each a function of the seed,
// the image's pixels and its number alone, so that a picture has the same views
// under any name and however it comes. Errors name the image.
func (t *Tuner) Views(img image.Image, name string) ([][]float32, error) {
	v := viewer{pre: t.images.Preprocessor(), options: t.options}
	out, err := v.views(img, name)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	return out, nil
}

// viewer makes views. It is safe for concurrent use.
type viewer struct {
	pre     vit.Preprocessor
	options Options
}

func (v viewer) views(img image.Image, name string) ([][]float32, error) {
	if img == nil || img.Bounds().Empty() {
		return nil, fmt.Errorf("the picture has no pixels")
	}
	rgb := imageio.ToRGB(img)
	key := contentKey(rgb)
	n := v.pre.Len()
	flat := make([]float32, v.options.Views*n)
	out := make([][]float32, v.options.Views)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range out {
		out[i] = flat[i*n : (i+1)*n : (i+1)*n]
		g.Go(func() error {
			return caught.Call(func() error {
				if i == 0 {
					return v.pre.Into(out[0], rgb)
				}
				return v.augmented(out[i], rgb, key, name, i)
			})
		})
	}
	return out, g.Wait()
}

func (v viewer) augmented(dst []float32, rgb *image.NRGBA, key, name string, i int) error {
	if v.options.Crop != nil {
		box, err := v.options.Crop(name, i)
		if err != nil {
			return err
		}
		crop, err := v.pre.View(rgb, box, vit.Bilinear)
		if err != nil {
			return fmt.Errorf("view %d: %w", i, err)
		}
		return v.pre.Normalize(dst, crop)
	}
	r := vit.ViewRand(v.options.Seed, key, i)
	crop, err := v.pre.RandomView(rgb, r, vit.Bilinear)
	if err != nil {
		return err
	}
	if v.options.AugMix {
		return v.pre.AugMix(dst, crop, vit.RandomAugMix(r))
	}
	return v.pre.Normalize(dst, crop)
}

// CropViews returns the boxes and mirrorings of an image's augmented views, of view
// 1 and those after it, as [Tuner.Views] takes them.
func (t *Tuner) CropViews(img image.Image, name string) ([]vit.CropView, error) {
	rgb := imageio.ToRGB(img)
	key := contentKey(rgb)
	out := make([]vit.CropView, t.options.Views-1)
	for i := range out {
		if t.options.Crop != nil {
			var err error
			if out[i], err = t.options.Crop(name, i+1); err != nil {
				return nil, err
			}
			continue
		}
		out[i] = vit.RandomCropView(rgb.Rect.Dx(), rgb.Rect.Dy(), vit.ViewRand(t.options.Seed, key, i+1))
	}
	return out, nil
}

// contentKey names a picture by its size and pixels.
func contentKey(img *image.NRGBA) string {
	h := sha256.New()
	b := img.Bounds()
	fmt.Fprintln(h, b.Dx(), b.Dy())
	for y := range b.Dy() {
		at := img.PixOffset(b.Min.X, b.Min.Y+y)
		h.Write(img.Pix[at : at+4*b.Dx()])
	}
	return hex.EncodeToString(h.Sum(nil))
}
