package imageio

import (
	"bytes"
	"image"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/imageio/jpeg"
	"clipcalib/internal/imageio/tiff"
)

// formats lists the kinds of picture that are read.
var formats = []format{
	{"JPEG", startsWith("\xff\xd8\xff"), jpegSize, jpeg.Decode, jpeg.End},
	{"PNG", startsWith(pngSignature), pngSize, decodePNG, pngEnd},
	{"WebP", isWebP, webpSize, decodeWebP, webpEnd},
	{"GIF", startsWith("GIF87a", "GIF89a"), gifSize, decodeGIF, gifEnd},
	{"BMP", startsWith("BM"), bmpSize, decodeBMP, bmpEnd},
	{"TIFF", tiff.Match, tiffSize, tiff.Decode, tiff.End},
	{"PPM", isPNM, pnmSize, decodePNM, pnmEnd},
}

// extensions of the files that are taken for pictures where a folder is
// searched; what a file holds is told from its content alone.
var extensions = []string{
	".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
}

// Extensions lists the extensions of picture files, in lower case with their
// dot, sorted.
func Extensions() []string { return slices.Clone(extensions) }

// IsPicture reports whether a file's name ends as a picture's, in any case.
func IsPicture(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// format is one kind of picture file.
type format struct {
	name   string
	match  func(head []byte) bool
	size   func(data []byte) (image.Config, error)
	decode func(data []byte) (*image.NRGBA, error)
	// end is the length of the first file in data, whose header can be read, with all
	// that belongs to it; the length of data where that is not known.
	end func(data []byte) int
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

// Looks reports whether data begins as a picture of a known format, with a header
// that can be read.
func Looks(data []byte) bool {
	f := sniff(data)
	if f == nil {
		return false
	}
	_, err := f.size(data)
	return err == nil
}

// formatNames lists the formats for a message.
func formatNames() string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
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

func tiffSize(data []byte) (image.Config, error) {
	w, h, err := tiff.Size(data)
	return image.Config{Width: w, Height: h}, err
}
