package imageio

import (
	"path"
	"slices"
	"strings"
)

// Extensions are the names' endings that listings take for pictures, in lower
// case: those of torchvision's ImageFolder and what else is decoded here. The
// format is still told from the content.
var Extensions = []string{
	".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff",
}

// IsPicture reports whether a file's name ends as a picture's does.
func IsPicture(name string) bool {
	return slices.Contains(Extensions, strings.ToLower(path.Ext(name)))
}
