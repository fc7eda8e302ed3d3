package clipcalib

import (
	"errors"
	"fmt"
	"image"

	"clipcalib/internal/imageio"
	"clipcalib/vit"
)

// Picture is what a [Run] predicts, made by [FromFile], [FromBytes] or
// [FromImage].
type Picture struct {
	name string
	open func() (image.Image, error)
}

// FromFile is the picture in a file: JPEG, PNG, WebP or GIF.
func FromFile(path string) Picture {
	return Picture{path, func() (image.Image, error) { return imageio.Open(path) }}
}

// FromBytes is an encoded picture; errors name it.
func FromBytes(name string, data []byte) Picture {
	return Picture{name, func() (image.Image, error) { return imageio.Decode(data) }}
}

// FromImage is a decoded picture; errors name it.
func FromImage(name string, img image.Image) Picture {
	return Picture{name, func() (image.Image, error) { return img, nil }}
}

// Name is the picture's path, or the name it was given.
func (p Picture) Name() string { return p.name }

// read decodes the picture. An error names it.
func (p Picture) read() (*image.NRGBA, error) {
	if p.open == nil {
		return nil, errors.New("an empty Picture: make one by FromFile, FromBytes or FromImage")
	}
	img, err := p.open()
	if err != nil {
		return nil, &PictureError{p.name, err}
	}
	if img == nil || img.Bounds().Empty() {
		return nil, &PictureError{p.name, errors.New("it has no pixels")}
	}
	return imageio.ToRGB(img), nil
}

// PictureError is the error of a picture that cannot be read.
type PictureError struct {
	Name string
	Err  error
}

func (e *PictureError) Error() string {
	return fmt.Sprintf("picture %s: %v", e.Name, e.Err)
}

// Unwrap returns what is wrong with the picture.
func (e *PictureError) Unwrap() error { return e.Err }

// Prepared is a picture on its way to [Run.PredictPrepared]: decoded, cut and
// sized, a byte a pixel and colour (test-time tuning keeps the whole picture).
type Prepared struct {
	name   string
	planes []byte       // 3 x S x S
	whole  *image.NRGBA // for test-time tuning
}

// planesOf cuts a picture to what the image tower sees.
func planesOf(pre vit.Preprocessor, img *image.NRGBA) ([]byte, error) {
	view, err := pre.Crop(img)
	if err != nil {
		return nil, err
	}
	planes := make([]byte, pre.Len())
	return planes, pre.Planes(planes, view)
}
