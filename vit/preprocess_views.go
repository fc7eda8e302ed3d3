package vit

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"clipcalib/internal/imageio"
)

// Interpolation is a resampling kernel, antialiased, with Pillow's rounding.
type Interpolation int

// Bicubic is for training views, Bilinear for test-time views, as the
// reference codes have them.
const (
	Bicubic Interpolation = iota
	Bilinear
)

func (f Interpolation) filter() imageio.Filter {
	if f == Bilinear {
		return imageio.Bilinear
	}
	return imageio.Bicubic
}

// Limits of a random crop: torchvision's defaults for RandomResizedCrop.
const (
	minCropArea  = 0.08    // share of the picture's area
	minCropRatio = 3. / 4. // width over height
	maxCropRatio = 4. / 3.
	cropTries    = 10
)

// CropView is one augmented view: a box of the picture, scaled to the tower's
// input size and perhaps mirrored.
type CropView struct {
	Box  image.Rectangle // within the picture, from its upper left corner
	Flip bool            // mirrored left to right
}

// RandomCropView draws a view of a width x height picture as torchvision's
// RandomResizedCrop and RandomHorizontalFlip do: an area of 8 to 100 percent,
// a log-uniform ratio of 3/4 to 4/3, ten tries and then the largest centred box
// of an allowed ratio; mirrored with probability one half.
func RandomCropView(width, height int, r *rand.Rand) CropView {
	v := CropView{Box: randomBox(width, height, r)}
	v.Flip = r.Float64() < 0.5
	return v
}

func randomBox(width, height int, r *rand.Rand) image.Rectangle {
	area := float64(width * height)
	low, high := math.Log(minCropRatio), math.Log(maxCropRatio)
	for range cropTries {
		target := area * (minCropArea + r.Float64()*(1-minCropArea))
		ratio := math.Exp(low + r.Float64()*(high-low))
		w := int(math.RoundToEven(math.Sqrt(target * ratio)))
		h := int(math.RoundToEven(math.Sqrt(target / ratio)))
		if 0 < w && w <= width && 0 < h && h <= height {
			y := r.IntN(height - h + 1)
			x := r.IntN(width - w + 1)
			return image.Rect(x, y, x+w, y+h)
		}
	}
	return centredBox(width, height)
}

// centredBox is the largest centred box whose ratio is allowed.
func centredBox(width, height int) image.Rectangle {
	w, h := width, height
	switch ratio := float64(width) / float64(height); {
	case ratio < minCropRatio:
		h = int(math.RoundToEven(float64(w) / minCropRatio))
	case ratio > maxCropRatio:
		w = int(math.RoundToEven(float64(h) * maxCropRatio))
	}
	x, y := (width-w)/2, (height-h)/2
	return image.Rect(x, y, x+w, y+h)
}

// View returns a view of a picture as Size x Size opaque pixels, equal to
// torchvision's resized_crop and hflip on a Pillow image.
func (p Preprocessor) View(img image.Image, v CropView, f Interpolation) (*image.NRGBA, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	rgb, err := toRGB(img)
	if err != nil {
		return nil, err
	}
	if v.Box.Empty() || !v.Box.In(rgb.Rect) {
		return nil, fmt.Errorf("view: box %v is empty or outside the picture %v", v.Box, rgb.Rect)
	}
	out, err := imageio.Resize(rgb, v.Box, p.size, p.size, image.Rect(0, 0, p.size, p.size), f.filter(), p.order)
	if err == nil && v.Flip {
		mirror(out)
	}
	return out, err
}

// RandomView draws a view with [RandomCropView] and returns its pixels.
func (p Preprocessor) RandomView(img image.Image, r *rand.Rand, f Interpolation) (*image.NRGBA, error) {
	rgb, err := toRGB(img)
	if err != nil {
		return nil, err
	}
	return p.View(rgb, RandomCropView(rgb.Rect.Dx(), rgb.Rect.Dy(), r), f)
}

// mirror reverses every row of pixels.
func mirror(m *image.NRGBA) {
	for y := range m.Rect.Dy() {
		row := m.Pix[y*m.Stride:][:4*m.Rect.Dx()]
		for i, j := 0, len(row)-4; i < j; i, j = i+4, j-4 {
			a, b := binary.LittleEndian.Uint32(row[i:]), binary.LittleEndian.Uint32(row[j:])
			binary.LittleEndian.PutUint32(row[i:], b)
			binary.LittleEndian.PutUint32(row[j:], a)
		}
	}
}

// ViewRand is the source of randomness of one view: a function of the run's
// seed, the picture's key (such as its path relative to the data set) and the
// view's number alone, so that views do not depend on order, batch or workers.
func ViewRand(seed uint64, key string, view int) *rand.Rand {
	b := binary.LittleEndian.AppendUint64(nil, seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(view))
	sum := sha256.Sum256(append(b, key...))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])))
}
