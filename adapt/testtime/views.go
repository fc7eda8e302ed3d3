package testtime

import (
	"fmt"
	"image"
	"runtime"

	"clipcalib/internal/imageio"
	"clipcalib/vit"

	"golang.org/x/sync/errgroup"
)

// Views returns the views of an image as the image tower takes them: the image
// as CLIP preprocesses it, then augmented views, each a function of the seed,
// the key and its number alone.
func (t *Tuner) Views(img image.Image, key string) ([][]float32, error) {
	v := viewer{pre: t.images.Preprocessor(), options: t.options}
	out, err := v.views(img, key)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", key, err)
	}
	return out, nil
}

// viewer makes views. It is safe for concurrent use.
type viewer struct {
	pre     vit.Preprocessor
	options Options
}

func (v viewer) views(img image.Image, key string) ([][]float32, error) {
	if img == nil || img.Bounds().Empty() {
		return nil, fmt.Errorf("the picture has no pixels")
	}
	rgb := imageio.ToRGB(img)
	n := v.pre.Len()
	flat := make([]float32, v.options.Views*n)
	out := make([][]float32, v.options.Views)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range out {
		out[i] = flat[i*n : (i+1)*n : (i+1)*n]
		g.Go(func() error {
			if i == 0 {
				return v.pre.Into(out[0], rgb)
			}
			return v.augmented(out[i], rgb, key, i)
		})
	}
	return out, g.Wait()
}

func (v viewer) augmented(dst []float32, rgb *image.NRGBA, key string, i int) error {
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
