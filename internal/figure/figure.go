// Package figure draws runs for papers, as SVG, PDF or PNG: reliability
// diagrams, few-shot curves, distributions of the logit range, and norm and
// range against ECE. The same runs give the same bytes.
package figure

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clipcalib/internal/atomicfile"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is something drawn on a canvas of its own size.
type Figure interface {
	Size() (w, h vg.Length)
	Draw(c vg.Canvas)
}

// Formats are the endings that [Write] knows.
var Formats = []string{".svg", ".pdf", ".png"}

// Known reports whether a file's ending names a format, in whatever case.
func Known(path string) bool {
	return slices.Contains(Formats, strings.ToLower(filepath.Ext(path)))
}

func init() {
	// A PDF says when it was made and orders its fonts by chance, unless told.
	// A zero time would mean now.
	epoch := time.Unix(0, 0).UTC()
	fpdf.SetDefaultCreationDate(epoch)
	fpdf.SetDefaultModificationDate(epoch)
	fpdf.SetDefaultCatalogSort(true)
}

// Write writes a figure in the format that the file's ending names.
func Write(path string, f Figure) error {
	w, h := f.Size()
	var c interface {
		vg.Canvas
		io.WriterTo
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".svg":
		c = vgsvg.New(w, h)
	case ".pdf":
		c = vgpdf.New(w, h)
	case ".png":
		c = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(144))}
	default:
		return fmt.Errorf("figure %s: the ending names no format, choose %s", path, strings.Join(Formats, ", "))
	}
	f.Draw(c)
	return atomicfile.Write(path, func(out io.Writer) error {
		_, err := c.WriteTo(out)
		return err
	})
}

// panels are plots in rows of equal size, those of the last column keys.
type panels struct {
	rows [][]*plot.Plot
	w, h vg.Length // of a panel
}

// keyWidth is that of the column of keys: room for the longest names of methods
// with a remedy and a setting.
const keyWidth = 210

// columns counts the key's too.
func (p panels) columns() (n int) {
	for _, row := range p.rows {
		n = max(n, len(row))
	}
	return n
}

func (p panels) Size() (w, h vg.Length) {
	return p.w*vg.Length(p.columns()-1) + keyWidth, p.h * vg.Length(len(p.rows))
}

func (p panels) Draw(c vg.Canvas) {
	_, h := p.Size()
	for i, row := range p.rows {
		for j, one := range row {
			x, y := p.w*vg.Length(j), h-p.h*vg.Length(i+1)
			w := p.w
			if j == p.columns()-1 {
				w = keyWidth
			}
			at := vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + w, Y: y + p.h}}
			one.Draw(draw.Crop(draw.Canvas{Canvas: c, Rectangle: at}, 6, -6, 6, -6))
		}
	}
}

// newPlot is a plot in the figures' style.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	for _, style := range []*draw.TextStyle{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label,
		&p.Legend.TextStyle,
	} {
		size := style.Font.Size
		style.Font = sans
		style.Font.Size = min(size, 10)
	}
	p.Legend.TextStyle.Font.Size = 8
	p.Legend.Top = true
	return p
}

// legendPlot is a panel for a legend alone, which then covers no data.
func legendPlot() *plot.Plot {
	p := newPlot("", "", "")
	p.HideAxes()
	p.Legend.Left = true
	p.Legend.TextStyle.Font.Size, p.Legend.Padding, p.Legend.YOffs = 9, 3, -16
	return p
}

// equalAxes gives plots the axes that hold all of them.
func equalAxes(plots []*plot.Plot, x, y bool) {
	for _, p := range plots[1:] {
		first := plots[0]
		first.X.Min, first.X.Max = min(first.X.Min, p.X.Min), max(first.X.Max, p.X.Max)
		first.Y.Min, first.Y.Max = min(first.Y.Min, p.Y.Min), max(first.Y.Max, p.Y.Max)
	}
	for _, p := range plots[1:] {
		if x {
			p.X.Min, p.X.Max = plots[0].X.Min, plots[0].X.Max
		}
		if y {
			p.Y.Min, p.Y.Max = plots[0].Y.Min, plots[0].Y.Max
		}
	}
}
