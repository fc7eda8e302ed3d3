package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"

	stdfont "golang.org/x/image/font"
)

// rasterCanvas draws on an image or a page; a pixel of the diagram is one point
// at 72 dots an inch, more pixels at a higher scale.
type rasterCanvas struct {
	c     vg.Canvas
	h     float64
	fonts *font.Cache
}

func newRaster(c vg.Canvas, h float64) *rasterCanvas {
	return &rasterCanvas{c: c, h: h, fonts: font.NewCache(liberation.Collection())}
}

func (r *rasterCanvas) point(x, y float64) vg.Point {
	return vg.Point{X: vg.Length(x), Y: vg.Length(r.h - y)}
}

func (r *rasterCanvas) colour(i ink, opacity float64) {
	v := inkColours[i]
	r.c.SetColor(color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: uint8(math.Round(255 * min(opacity, 1)))})
}

func (r *rasterCanvas) rect(x, y, w, h float64, fill ink, opacity float64) {
	r.polygon([]float64{x, y, x + w, y, x + w, y + h, x, y + h}, fill, opacity)
}

func (r *rasterCanvas) polygon(points []float64, fill ink, opacity float64) {
	var p vg.Path
	for i := 0; i+1 < len(points); i += 2 {
		if at := r.point(points[i], points[i+1]); i == 0 {
			p.Move(at)
		} else {
			p.Line(at)
		}
	}
	p.Close()
	r.colour(fill, opacity)
	r.c.Fill(p)
}

func (r *rasterCanvas) line(x1, y1, x2, y2 float64, stroke ink, width float64, dashed bool) {
	var p vg.Path
	p.Move(r.point(x1, y1))
	p.Line(r.point(x2, y2))
	r.colour(stroke, 1)
	r.c.SetLineWidth(vg.Length(width))
	if dashed {
		r.c.SetLineDash([]vg.Length{4, 3}, 0)
	} else {
		r.c.SetLineDash(nil, 0)
	}
	r.c.Stroke(p)
}

func (r *rasterCanvas) face(size float64, heavy bool) font.Face {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if heavy {
		f.Weight = stdfont.WeightBold
	}
	face := r.fonts.Lookup(f, vg.Length(size))
	if _, pdf := r.c.(*vgpdf.Canvas); pdf && heavy {
		// vgpdf registers every font as a plain one and looks for a bold one.
		face.Font.Typeface, face.Font.Weight = "LiberationBold", stdfont.WeightNormal
	}
	return face
}

func (r *rasterCanvas) text(x, y, size float64, s string, fill ink, a align) {
	face := r.face(size, a&bold != 0)
	width := float64(face.Width(s))
	x -= [...]float64{0, width / 2, width}[a&3]
	r.colour(fill, 1)
	r.c.FillString(face, r.point(x, y), s)
}

func (r *rasterCanvas) vertical(x, y, size float64, s string, fill ink) {
	face := r.face(size, false)
	r.colour(fill, 1)
	r.c.Push()
	r.c.Translate(r.point(x, y))
	r.c.Rotate(math.Pi / 2)
	r.c.FillString(face, vg.Point{X: -face.Width(s) / 2}, s)
	r.c.Pop()
}

func (r *rasterCanvas) group(_ string, draw func()) { draw() }
