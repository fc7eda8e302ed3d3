package figure

import (
	"image/color"

	"gonum.org/v1/plot/vg/draw"
)

// The colours of lines and targets, readable on white and apart for most kinds
// of colour blindness (Okabe and Ito), then darker ones.
var colours = []color.Color{
	color.NRGBA{0, 114, 178, 255}, color.NRGBA{213, 94, 0, 255}, color.NRGBA{0, 158, 115, 255},
	color.NRGBA{204, 121, 167, 255}, color.NRGBA{230, 159, 0, 255}, color.NRGBA{86, 180, 233, 255},
	color.NRGBA{0, 0, 0, 255}, color.NRGBA{120, 80, 30, 255}, color.NRGBA{100, 100, 100, 255},
	color.NRGBA{90, 60, 150, 255}, color.NRGBA{60, 110, 40, 255}, color.NRGBA{140, 30, 60, 255},
}

func colour(i int) color.Color { return colours[i%len(colours)] }

// shapes are the marks of zero-shot, of an adapted model and of its remedies.
var shapes = []draw.GlyphDrawer{
	draw.BoxGlyph{}, draw.CircleGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}, draw.RingGlyph{},
}

func shape(i int) draw.GlyphDrawer { return shapes[min(i, len(shapes)-1)] }
