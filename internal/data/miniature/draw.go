package miniature

import (
	"bytes"
	_ "embed"
	"hash/fnv"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
)

// cmykJPEG is a JPEG of four inks, written by testdata/make_cmyk.py.
//
//go:embed cmyk.jpg
var cmykJPEG []byte

// look is how the pictures of a set differ from others of the same classes.
type look struct {
	noise  float64 // of each pixel, of 255
	grey   bool
	invert bool
	dim    float64 // factor on the colours
}

// looks are those of ImageNet's drifted kin.
var looks = map[string]look{
	"ImageNetV2":     {noise: 24, dim: 0.9},
	"ImageNetSketch": {noise: 8, grey: true, dim: 1},
	"ImageNetA":      {noise: 60, dim: 0.6},
	"ImageNetR":      {noise: 16, invert: true, dim: 1},
}

// draw draws picture number i of a class: coloured stripes whose hue, slant and
// width are the class's, with noise that is its own.
func draw(set, class string, i, size int, l look) *image.NRGBA {
	h := fnv.New64a()
	h.Write([]byte(class))
	of := rand.New(rand.NewPCG(h.Sum64(), 0))
	hue, slant, width := of.Float64(), of.Float64()*math.Pi, 2+of.Float64()*float64(size)/3
	h.Write([]byte(set))
	own := rand.New(rand.NewPCG(h.Sum64(), uint64(i)+1))
	phase, lit := own.Float64()*2*math.Pi, 0.8+0.2*own.Float64()
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	sin, cos := math.Sincos(slant)
	for y := range size {
		for x := range size {
			wave := 0.5 + 0.5*math.Sin((float64(x)*cos+float64(y)*sin)*2*math.Pi/width+phase)
			px := [3]float64{}
			for c := range px {
				px[c] = 255 * l.dim * lit * (0.5 + 0.5*math.Cos(2*math.Pi*(hue+wave/4+float64(c)/3)))
			}
			if l.grey {
				mean := (px[0] + px[1] + px[2]) / 3
				px = [3]float64{mean, mean, mean}
			}
			for c := range px {
				if l.invert {
					px[c] = 255 - px[c]
				}
				px[c] = min(max(px[c]+l.noise*own.NormFloat64(), 0), 255)
			}
			img.SetNRGBA(x, y, color.NRGBA{uint8(px[0]), uint8(px[1]), uint8(px[2]), 255})
		}
	}
	return img
}

// encode encodes a picture as what kind says, a JPEG by default.
func encode(img image.Image, kind string) ([]byte, error) {
	var b bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&b, img)
	case "gif":
		err = gif.Encode(&b, img, nil)
	case "cmyk":
		return cmykJPEG, nil
	default:
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 85})
	}
	if err != nil {
		return nil, err
	}
	if kind == "damaged" {
		return b.Bytes()[:b.Len()/2], nil
	}
	return b.Bytes(), nil
}
