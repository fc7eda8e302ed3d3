package vit

import (
	"context"
	"errors"
	"fmt"
	"image"
	"iter"
	"sync"

	"clipcalib/internal/imageio"
)

// OpenImage reads a JPEG, PNG, WebP or GIF (first frame) file as opaque RGB,
// with the pixels Pillow's Image.open(path).convert("RGB") gives. The format is
// told from the content; an EXIF orientation is ignored, as the reference code
// ignores it. Pictures of more than 89 million pixels are refused. Errors name
// the file.
func OpenImage(path string) (*image.NRGBA, error) { return imageio.Open(path) }

// DecodeImage is [OpenImage] for a file that is in memory.
func DecodeImage(data []byte) (*image.NRGBA, error) { return imageio.Decode(data) }

// Loader reads and preprocesses many pictures on all processors and hands them
// out in order, in batches for the image tower.
type Loader struct {
	Preprocessor Preprocessor
	BatchSize    int // pictures per batch, at least 1
	Workers      int // pictures decoded at once; 0 for one per processor

	// Strict ends at the first picture that cannot be read. Otherwise such a
	// picture is left out and reported to Skip.
	Strict bool
	// Skip, if set, is told each picture left out; it runs on the caller's
	// goroutine.
	Skip func(index int, err error)

	// View, if set, cuts the Size x Size picture from the whole one, instead
	// of the centre crop: an augmentation, for instance. It is called on
	// several goroutines at once.
	View func(index int, img image.Image) (*image.NRGBA, error)
}

// Batch is some pictures of the tower's input size, not yet normalised.
type Batch struct {
	Indices []int  // position of each picture in the list
	Pixels  []byte // len(Indices) x 3 x Size x Size, see [Preprocessor.Planes]

	// Preprocessor is the one whose normalisation the pictures want; its zero
	// value stands for the encoder's own.
	Preprocessor Preprocessor
}

// Float32 returns the normalised pictures, len(Indices) x 3 x Size x Size.
func (b Batch) Float32() ([]float32, error) {
	out := make([]float32, len(b.Pixels))
	return out, b.Preprocessor.NormalizePlanes(out, b.Pixels)
}

// Batches yields pictures 0 to n-1, read by open, in batches of BatchSize; only
// the last batch may be smaller. A batch's memory is reused for the next one.
// The error of a strict loader names the picture as open's error does; it, and
// that of a done ctx, ends the sequence. It is an error if no picture could be
// read at all.
func (l Loader) Batches(ctx context.Context, n int, open func(index int) (image.Image, error)) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		if err := l.check(); err != nil {
			yield(Batch{}, err)
			return
		}
		size := l.Preprocessor.Len()
		buffers := sync.Pool{New: func() any { b := make([]byte, size); return &b }}
		load := func(i int) (*[]byte, error) {
			dst := buffers.Get().(*[]byte)
			return dst, l.load(*dst, i, open)
		}
		batch := Batch{Preprocessor: l.Preprocessor, Pixels: make([]byte, 0, min(l.BatchSize, n)*size)}
		index, skipped := -1, 0
		var firstErr error
		for pixels, err := range imageio.Ordered(ctx, n, l.Workers, l.BatchSize, load) {
			index++
			switch {
			case err != nil && (l.Strict || ctx.Err() != nil):
				yield(Batch{}, err)
				return
			case err != nil:
				if skipped++; skipped == 1 {
					firstErr = err
				}
				if l.Skip != nil {
					l.Skip(index, err)
				}
				continue
			}
			batch.Indices = append(batch.Indices, index)
			batch.Pixels = append(batch.Pixels, *pixels...)
			buffers.Put(pixels)
			if len(batch.Indices) == l.BatchSize {
				if !yield(batch, nil) {
					return
				}
				batch.Indices, batch.Pixels = batch.Indices[:0], batch.Pixels[:0]
			}
		}
		if skipped > 0 && skipped == n {
			yield(Batch{}, fmt.Errorf("none of %d images could be read; the first: %w", n, firstErr))
			return
		}
		if len(batch.Indices) > 0 {
			yield(batch, nil)
		}
	}
}

func (l Loader) check() error {
	if l.BatchSize < 1 {
		return fmt.Errorf("loader: batch size %d, want at least 1", l.BatchSize)
	}
	return l.Preprocessor.check()
}

// load reads picture i and writes its bytes to dst.
func (l Loader) load(dst []byte, i int, open func(int) (image.Image, error)) error {
	img, err := open(i)
	if err != nil {
		return err
	}
	if img == nil {
		return errors.New("no image")
	}
	cut := func(_ int, img image.Image) (*image.NRGBA, error) { return l.Preprocessor.Crop(img) }
	if l.View != nil {
		cut = l.View
	}
	view, err := cut(i, img)
	if err != nil {
		return err
	}
	return l.Preprocessor.Planes(dst, view)
}
