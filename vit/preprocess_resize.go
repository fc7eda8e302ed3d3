package vit

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"clipcalib/internal/imageio"
	"clipcalib/weights"
)

// NewPreprocessorFor returns the preprocessing that a checkpoint asks for, of a
// tower whose input is size x size pixels.
func NewPreprocessorFor(size int, c weights.Preprocess) (Preprocessor, error) {
	p := Preprocessor{size: size}.WithNormalization(c.Normalization())
	c.Mean, c.Std = [3]float32{}, [3]float32{}
	if c.Side == size {
		c.Side = 0
	}
	p.resize = c
	if err := p.check(); err != nil {
		return p, err
	}
	if c.Side != 0 && (c.Side < size || c.Side > maxInputSide || c.Resize == weights.ResizeLongest) {
		return p, fmt.Errorf("preprocess: a picture resized to %d (%s) does not fill %d x %d pixels", c.Side,
			c.Resize, size, size)
	}
	return p, nil
}

// filter is the kernel of the resize.
func (p Preprocessor) filter() imageio.Filter {
	if p.resize.Bilinear {
		return imageio.Bilinear
	}
	return imageio.Bicubic
}

// side is what the picture's side is resized to.
func (p Preprocessor) side() int {
	if p.resize.Side > 0 {
		return p.resize.Side
	}
	return p.size
}

// square resizes a picture and makes it Size x Size.
func (p Preprocessor) square(rgb *image.NRGBA) (*image.NRGBA, error) {
	w, h := rgb.Rect.Dx(), rgb.Rect.Dy()
	side := p.side()
	switch p.resize.Resize {
	case weights.ResizeLongest:
		return p.padded(rgb, w, h)
	case weights.ResizeSquash:
		w, h = side, side
	default:
		w, h = resizedSize(w, h, side)
	}
	x, y := p.offset(w), p.offset(h)
	window := image.Rect(x, y, x+p.size, y+p.size)
	return imageio.Resize(rgb, rgb.Rect, w, h, window, p.filter(), p.order)
}

// offset is where the centre crop starts: transformers rounds half a pixel
// down, torchvision to even.
func (p Preprocessor) offset(full int) int {
	if p.resize.FloorCrop {
		return (full - p.size) / 2
	}
	return cropOffset(full, p.size)
}

// padded gives the longer side the size of the square and fills the rest up,
// as open_clip's ResizeKeepRatio and CenterCropOrPad do.
func (p Preprocessor) padded(rgb *image.NRGBA, w, h int) (*image.NRGBA, error) {
	ratio := max(float64(w)/float64(p.size), float64(h)/float64(p.size))
	w, h = int(math.RoundToEven(float64(w)/ratio)), int(math.RoundToEven(float64(h)/ratio))
	if w < 1 || h < 1 {
		return nil, errors.New("preprocess: the picture is so oblong that its shorter side vanishes")
	}
	small, err := imageio.Resize(rgb, rgb.Rect, w, h, image.Rect(0, 0, w, h), p.filter(), p.order)
	if err != nil {
		return nil, err
	}
	f := p.resize.Fill
	out := image.NewNRGBA(image.Rect(0, 0, p.size, p.size))
	draw.Draw(out, out.Rect, image.NewUniform(color.NRGBA{f, f, f, 255}), image.Point{}, draw.Src)
	at := image.Pt((p.size-w)/2, (p.size-h)/2)
	draw.Draw(out, small.Rect.Add(at), small, image.Point{}, draw.Src)
	return out, nil
}

// words describes the resize.
func (p Preprocessor) words() string {
	kernel := "bicubic"
	if p.resize.Bilinear {
		kernel = "bilinear"
	}
	order := "pillow 13"
	if p.order == imageio.HorizontalFirst {
		order = "horizontal first"
	}
	what := fmt.Sprintf("resize %d %s (%s)", p.side(), kernel, order)
	switch p.resize.Resize {
	case weights.ResizeLongest:
		return fmt.Sprintf("%s of the longer side, pad %d with %d", what, p.size, p.resize.Fill)
	case weights.ResizeSquash:
		what += " of both sides"
	}
	if p.resize.FloorCrop {
		return fmt.Sprintf("%s, crop %d from a whole pixel down", what, p.size)
	}
	return fmt.Sprintf("%s, crop %d", what, p.size)
}
