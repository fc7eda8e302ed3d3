package report

import (
	"fmt"
	"io"
	"math"

	"clipcalib/calib"
	"clipcalib/internal/atomicfile"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// Grid is reliability diagrams in rows (targets) and columns (zero-shot, a
// method, that method with each remedy).
type Grid struct {
	Title   string
	Columns []string
	Rows    []GridRow
}

// GridRow is one target's diagrams, one per column; an empty one (no bins)
// leaves its place free.
type GridRow struct {
	Label    string
	Diagrams []calib.Reliability
	colour   ink // of the target, in the whole page; 0 is none
}

// MethodGrid collects the diagrams of zero-shot and of a method with all its
// remedies from runs, pooled over seeds, for the targets named, or for all
// when none is.
func MethodGrid(runs []Run, method string, targets ...string) Grid {
	return groupRuns(runs).methodGrid(method, targets...)
}

func (g results) methodGrid(method string, targets ...string) Grid {
	if len(targets) == 0 {
		targets = g.targets
	}
	var keys []rowKey
	for _, key := range g.rows {
		if key.method == ZeroShot || key.method == method {
			keys = append(keys, key)
		}
	}
	grid := Grid{Title: display(method)}
	for _, key := range keys {
		grid.Columns = append(grid.Columns, variant(key.method, key.remedy))
	}
	for _, target := range targets {
		row := GridRow{Label: target, colour: g.colours[target]}
		if g.sources[target] {
			row.Label += " (source)"
		}
		for _, key := range keys {
			var r calib.Reliability
			if c := g.at(key, target); c != nil {
				r = c.reliability()
			}
			row.Diagrams = append(row.Diagrams, r)
		}
		grid.Rows = append(grid.Rows, row)
	}
	return grid
}

const (
	gridLeft   = 62.0
	gridTop    = 52.0
	gridGapX   = 22.0
	gridGapY   = 42.0
	gridRight  = 14.0
	gridBottom = 54.0 + keyLine
)

func (g Grid) size() (w, h float64) {
	columns, rows := float64(len(g.Columns)), float64(len(g.Rows))
	w = gridLeft + columns*diagramSide + max(columns-1, 0)*gridGapX + gridRight
	return max(w, 690), gridTop + rows*diagramH + max(rows-1, 0)*gridGapY + gridBottom
}

func (g Grid) draw(c canvas) {
	for j, name := range g.Columns {
		c.text(gridLeft+float64(j)*(diagramSide+gridGapX)+diagramSide/2, 20, 14, name, inkText, middle+bold)
	}
	for i, row := range g.Rows {
		y := gridTop + float64(i)*(diagramH+gridGapY)
		c.vertical(19, y+diagramSide/2, 13, row.Label, inkText)
		if row.colour != 0 {
			c.rect(3, y, 3, diagramSide, row.colour, 1)
		}
		c.vertical(35, y+diagramSide/2, 10, "accuracy", inkMuted)
		for j, r := range row.Diagrams {
			if len(r.Bins) > 0 {
				x := gridLeft + float64(j)*(diagramSide+gridGapX)
				drawReliability(c, x, y, r, j == 0)
				if i == len(g.Rows)-1 {
					c.text(x+diagramSide/2, y+diagramH+14, 10, "confidence", inkMuted, middle)
				}
			}
		}
	}
	_, h := g.size()
	drawKey(c, gridLeft, h-14-keyLine)
}

// describe is the text that stands for the picture where it cannot be seen.
func (g Grid) describe() string {
	text := fmt.Sprintf("Reliability diagrams of %s.", g.Title)
	for _, row := range g.Rows {
		text += " " + row.Label + ":"
		for j, r := range row.Diagrams {
			if len(r.Bins) > 0 {
				text += fmt.Sprintf(" %s ECE %.1f;", g.Columns[j], 100*r.ECE)
			}
		}
	}
	return text
}

// WriteSVG writes the grid as an SVG document.
func (g Grid) WriteSVG(w io.Writer) error {
	width, height := g.size()
	s := newSVG(width, height)
	g.draw(s)
	return s.writeFile(w)
}

// WritePNG writes the grid as an image on white, scale pixels to one of the
// SVG; 2 suits most screens. A scale outside 0.5 to 8 is an error.
func (g Grid) WritePNG(w io.Writer, scale float64) error {
	if !(scale >= 0.5 && scale <= 8) {
		return fmt.Errorf("picture scale %v is outside 0.5 to 8", scale)
	}
	width, height := g.size()
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(width), vg.Length(height)), vgimg.UseDPI(int(math.Round(72*scale))))
	g.draw(newRaster(c, height))
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
	return err
}

// Size is the grid's width and height in points.
func (g Grid) Size() (w, h vg.Length) {
	width, height := g.size()
	return vg.Length(width), vg.Length(height)
}

// Draw draws the grid on a canvas of its size.
func (g Grid) Draw(c vg.Canvas) {
	_, height := g.size()
	g.draw(newRaster(c, height))
}

// ReliabilitySVG writes the grid to an SVG file.
func ReliabilitySVG(path string, g Grid) error {
	return atomicfile.Write(path, g.WriteSVG)
}

// ReliabilityPNG writes the grid to a PNG file at twice the size of the SVG.
func ReliabilityPNG(path string, g Grid) error {
	return atomicfile.Write(path, func(w io.Writer) error { return g.WritePNG(w, 2) })
}
