package vit

import (
	"fmt"
	"image"
	"math"
	"slices"

	"clipcalib/internal/imageio"
	"clipcalib/weights"
)

// Mean and standard deviation per channel (red, green, blue) of CLIP's
// training images, in units of the full range, from OpenAI's clip.py.
var (
	ClipMean = [3]float32{0.48145466, 0.4578275, 0.40821073}
	ClipStd  = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

// Preprocessor turns an image into the input of the image tower as CLIP's
// reference code does with Pillow and torchvision: RGB, shorter side resized
// to Size (bicubic, antialiased, 8-bit), centre crop, scaling to [0, 1],
// normalisation per channel. Its numbers equal the reference's bit for bit.
//
// RGB comes first, as in the loaders of Dassl and torchvision's ImageFolder.
// OpenAI's clip.py converts after the crop instead, which makes a difference
// for pictures with a palette or alpha only.
//
// That is OpenAI's way; a checkpoint may ask for another mean, kernel or resize,
// see [NewPreprocessorFor].
//
// A Preprocessor is immutable and safe for concurrent use. Make one with
// [NewPreprocessor].
type Preprocessor struct {
	size      int
	order     imageio.PassOrder
	resize    weights.Preprocess // how a picture becomes a square; its mean and std stand below
	mean, std [3]float32
	table     *[3][256]float32 // normalised value of every byte, per channel
}

// NewPreprocessor returns the preprocessing of a tower whose input is size x
// size pixels, with CLIP's mean and standard deviation.
func NewPreprocessor(size int) Preprocessor {
	return Preprocessor{size: size}.WithNormalization(ClipMean, ClipStd)
}

// WithNormalization returns p with another mean and standard deviation, as
// some retrained models want.
func (p Preprocessor) WithNormalization(mean, std [3]float32) Preprocessor {
	table := new([3][256]float32)
	for c := range table {
		for v := range table[c] {
			// The order of float32 operations is that of ToTensor, then Normalize.
			scaled := float32(v) / 255
			table[c][v] = (scaled - mean[c]) / std[c]
		}
	}
	p.mean, p.std, p.table = mean, std, table
	return p
}

// HorizontalFirst returns p with every resize done horizontally first, as all
// versions of Pillow before 13 do. Pillow 13 and later, and p without this,
// resize images that shrink mostly in height vertically first; the two differ
// by a rounding in the pixels of such tall images only.
func (p Preprocessor) HorizontalFirst() Preprocessor {
	p.order = imageio.HorizontalFirst
	return p
}

// Size is the side of the square input in pixels.
func (p Preprocessor) Size() int { return p.size }

// Len is the number of values of one preprocessed image, 3 x Size x Size.
func (p Preprocessor) Len() int { return 3 * p.size * p.size }

// String describes the preprocessing completely; equal strings mean equal
// results, so it can be part of a cache key.
func (p Preprocessor) String() string {
	return fmt.Sprintf("rgb, %s, mean %v, std %v", p.words(), p.mean, p.std)
}

// Image returns the preprocessed image as 3 x Size x Size values, channel by
// channel (red, green, blue), each row by row.
func (p Preprocessor) Image(img image.Image) ([]float32, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	dst := make([]float32, p.Len())
	if err := p.Into(dst, img); err != nil {
		return nil, err
	}
	return dst, nil
}

// Into writes the preprocessed image to dst, which must hold [Preprocessor.Len]
// values, for instance one image's part of a batch.
func (p Preprocessor) Into(dst []float32, img image.Image) error {
	crop, err := p.Crop(img)
	if err != nil {
		return err
	}
	return p.Normalize(dst, crop)
}

// Crop returns the 8-bit picture the tower sees, before normalisation: Size x
// Size opaque pixels with bounds starting at (0, 0).
func (p Preprocessor) Crop(img image.Image) (*image.NRGBA, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	rgb, err := toRGB(img)
	if err != nil {
		return nil, err
	}
	return p.square(rgb)
}

// Normalize writes a picture of Size x Size pixels, such as a crop or an
// augmented view, to dst as the tower's input.
func (p Preprocessor) Normalize(dst []float32, view *image.NRGBA) error {
	if err := p.checkView(view, len(dst)); err != nil {
		return err
	}
	plane := p.size * p.size
	red, green, blue := dst[:plane], dst[plane:2*plane], dst[2*plane:]
	table := p.table
	for y := range p.size {
		row := view.Pix[view.PixOffset(view.Rect.Min.X, view.Rect.Min.Y+y):][:4*p.size]
		r, g, b := red[y*p.size:][:p.size], green[y*p.size:][:p.size], blue[y*p.size:][:p.size]
		for x := range r {
			px := row[4*x:][:4]
			r[x], g[x], b[x] = table[0][px[0]], table[1][px[1]], table[2][px[2]]
		}
	}
	return nil
}

// Planes writes a picture of Size x Size pixels, such as a crop or an augmented
// view, to dst as bytes, channel by channel: what Normalize writes, before it is
// normalised. dst holds [Preprocessor.Len] bytes.
func (p Preprocessor) Planes(dst []byte, view *image.NRGBA) error {
	if err := p.checkView(view, len(dst)); err != nil {
		return err
	}
	plane := p.size * p.size
	red, green, blue := dst[:plane], dst[plane:2*plane], dst[2*plane:]
	for y := range p.size {
		row := view.Pix[view.PixOffset(view.Rect.Min.X, view.Rect.Min.Y+y):][:4*p.size]
		r, g, b := red[y*p.size:][:p.size], green[y*p.size:][:p.size], blue[y*p.size:][:p.size]
		for x := range r {
			px := row[4*x:][:4]
			r[x], g[x], b[x] = px[0], px[1], px[2]
		}
	}
	return nil
}

// NormalizePlanes turns the bytes of any number of pictures, as Planes writes
// them, into the tower's input; dst holds as many values.
func (p Preprocessor) NormalizePlanes(dst []float32, planes []byte) error {
	if err := p.check(); err != nil {
		return err
	}
	if len(planes)%p.Len() != 0 || len(dst) != len(planes) {
		return fmt.Errorf("normalise: %d bytes to %d values are not pictures of %d", len(planes), len(dst), p.Len())
	}
	plane := p.size * p.size
	for i, v := range planes {
		dst[i] = p.table[i/plane%3][v]
	}
	return nil
}

// values is the table of Normalize, [3, 256].
func (p Preprocessor) values() []float32 {
	return slices.Concat(p.table[0][:], p.table[1][:], p.table[2][:])
}

// maxInputSide bounds the input size a model may ask for; CLIP's largest is 448.
const maxInputSide = 4096

func (p Preprocessor) check() error {
	if p.size < 1 || p.size > maxInputSide || p.table == nil {
		return fmt.Errorf("preprocess: input size is %d pixels, want 1 to %d (use NewPreprocessor)", p.size,
			maxInputSide)
	}
	return nil
}

// checkView checks a picture that is to be written to room values.
func (p Preprocessor) checkView(view *image.NRGBA, room int) error {
	if err := p.check(); err != nil {
		return err
	}
	if view.Rect.Dx() != p.size || view.Rect.Dy() != p.size {
		return fmt.Errorf("normalise: picture is %d x %d, the tower wants %d x %d",
			view.Rect.Dx(), view.Rect.Dy(), p.size, p.size)
	}
	if room != p.Len() {
		return fmt.Errorf("normalise: destination holds %d values, want %d", room, p.Len())
	}
	return nil
}

func toRGB(img image.Image) (*image.NRGBA, error) {
	if img == nil || img.Bounds().Empty() {
		return nil, fmt.Errorf("preprocess: the image has no pixels")
	}
	return imageio.ToRGB(img), nil
}

// resizedSize is the size after the shorter side became size; the longer side
// is truncated as torchvision truncates it.
func resizedSize(w, h, size int) (int, int) {
	if w <= h {
		return size, int(float64(size*h) / float64(w))
	}
	return int(float64(size*w) / float64(h)), size
}

// cropOffset is where a centre crop starts: Python's round((full-size)/2),
// which rounds halves to even.
func cropOffset(full, size int) int {
	return int(math.RoundToEven(float64(full-size) / 2))
}
