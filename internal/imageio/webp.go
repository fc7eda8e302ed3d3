package imageio

import (
	"bytes"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

// decodeWebP decodes the picture, or an animation's first frame on a black
// canvas. Alpha is dropped, but must be sound.
func decodeWebP(data []byte) (*image.NRGBA, error) {
	f, err := parseWebP(data)
	if err != nil {
		return nil, err
	}
	picture, err := f.decode()
	if err != nil {
		return nil, err
	}
	canvas := image.Rect(0, 0, f.width, f.height)
	if f.frame == canvas {
		return picture, nil
	}
	m := blank(canvas.Dx(), canvas.Dy())
	for y := range f.frame.Dy() {
		copy(m.Pix[m.PixOffset(f.frame.Min.X, f.frame.Min.Y+y):], picture.Pix[y*picture.Stride:][:4*f.frame.Dx()])
	}
	return m, nil
}

func (f *webpFile) decode() (*image.NRGBA, error) {
	if f.lossless {
		m, err := vp8l.Decode(bytes.NewReader(f.data))
		if err != nil {
			return nil, err
		}
		return ToRGB(m), nil
	}
	if err := f.checkAlpha(); err != nil {
		return nil, fmt.Errorf("alpha channel: %w", err)
	}
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(f.data), len(f.data))
	if _, err := d.DecodeFrameHeader(); err != nil {
		return nil, err
	}
	m, err := d.DecodeFrame()
	if err != nil {
		return nil, err
	}
	return videoToRGB(m), nil
}

// checkAlpha decodes the alpha channel of a lossy picture, which libwebp
// refuses where the channel is damaged.
func (f *webpFile) checkAlpha() error {
	if f.alpha == nil {
		return nil
	}
	if len(f.alpha) < 2 {
		return errors.New("too short")
	}
	method, processing := f.alpha[0]&3, f.alpha[0]>>4&3
	switch {
	case method > 1 || processing > 1 || f.alpha[0]>>6 != 0:
		return errors.New("damaged header")
	case method == 0:
		if len(f.alpha)-1 < f.frame.Dx()*f.frame.Dy() {
			return errors.New("too short")
		}
		return nil
	}
	w, h := uint32(f.frame.Dx()-1), uint32(f.frame.Dy()-1)
	bits := w | h<<14
	head := []byte{0x2f, byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)}
	_, err := vp8l.Decode(bytes.NewReader(append(head, f.alpha[1:]...)))
	return err
}

// blank is an opaque black picture.
func blank(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	opaque(m.Pix)
	return m
}
