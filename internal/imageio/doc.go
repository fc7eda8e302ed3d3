// Package imageio reads pictures and resizes them as Pillow does, so that what
// the image tower sees equals what the reference code sees, byte for byte.
//
// The common form of a picture is an opaque *image.NRGBA whose bounds start at
// (0, 0): what Pillow calls mode RGB.
package imageio
