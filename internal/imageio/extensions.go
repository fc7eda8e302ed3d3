package imageio

import (
	"path/filepath"
	"slices"
	"strings"
)

var extensions = []string{
	".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff",
}

// Extensions lists the extensions of picture files, in lower case: those that
// listings take for pictures. The format is still told from the content.
func Extensions() []string { return slices.Clone(extensions) }

// IsPicture reports whether a file's name ends as a picture's, in any case.
func IsPicture(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}
