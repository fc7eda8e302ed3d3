package imageio

import (
	"bytes"
	"image"
	"image/png"

	"clipcalib/internal/imageio/jpeg"
)

// formats lists the kinds of picture that are read.
var formats = []format{
	{"JPEG", startsWith("\xff\xd8\xff"), jpegSize, jpeg.Decode},
	{"PNG", startsWith("\x89PNG\r\n\x1a\n"), pngSize, decodePNG},
	{"WebP", isWebP, webpSize, decodeWebP},
	{"GIF", startsWith("GIF87a", "GIF89a"), gifSize, decodeGIF},
}

// format is one kind of picture file.
type format struct {
	name   string
	match  func(head []byte) bool
	size   func(data []byte) (image.Config, error)
	decode func(data []byte) (*image.NRGBA, error)
}

// sniff tells the format from the content, nil if it is none of the known.
func sniff(data []byte) *format {
	for i := range formats {
		if formats[i].match(data) {
			return &formats[i]
		}
	}
	return nil
}

func startsWith(prefixes ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, p := range prefixes {
			if bytes.HasPrefix(head, []byte(p)) {
				return true
			}
		}
		return false
	}
}

func jpegSize(data []byte) (image.Config, error) {
	w, h, err := jpeg.Size(data)
	return image.Config{Width: w, Height: h}, err
}

func pngSize(data []byte) (image.Config, error) {
	return png.DecodeConfig(bytes.NewReader(data))
}
