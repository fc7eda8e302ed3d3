package imageio

import (
	"bytes"
	"image"
	"image/gif"
	"image/png"
	"io"

	"golang.org/x/image/webp"

	"clipcalib/internal/imageio/jpeg"
)

var formats = []format{
	{"JPEG", startsWith("\xff\xd8\xff"), jpegSize, jpeg.Decode},
	{"PNG", startsWith("\x89PNG\r\n\x1a\n"), configOf(png.DecodeConfig), decodePNG},
	{"WebP", isWebP, configOf(webp.DecodeConfig), decodeWebP},
	{"GIF", startsWith("GIF87a", "GIF89a"), configOf(gif.DecodeConfig), decodeGIF},
}

// configOf adapts a decoder of headers from a stream.
func configOf(decode func(io.Reader) (image.Config, error)) func([]byte) (image.Config, error) {
	return func(data []byte) (image.Config, error) { return decode(bytes.NewReader(data)) }
}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

func jpegSize(data []byte) (image.Config, error) {
	w, h, err := jpeg.Size(data)
	return image.Config{Width: w, Height: h}, err
}

func decodePNG(data []byte) (*image.NRGBA, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return ToRGB(m), nil
}

func decodeWebP(data []byte) (*image.NRGBA, error) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return ToRGB(m), nil
}

func decodeGIF(data []byte) (*image.NRGBA, error) {
	m, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return ToRGB(m), nil
}
