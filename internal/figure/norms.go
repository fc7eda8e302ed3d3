package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"clipcalib/internal/table"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Norms draws mean logit norm and mean logit range against ECE, a row of two
// panels per method, a colour per target: solid arrows lead from the zero-shot
// model to the adapted one, dashed ones on to each remedy, as in the paper.
func Norms(t table.Table) (Figure, error) {
	out := panels{w: 380, h: 300}
	var byColumn [2][]*plot.Plot
	for _, part := range t.ByReference() {
		plain, zero := -1, -1
		for i, g := range part.Groups {
			switch r := g.Fields["remedy"]; {
			case g.Fields["method"] == table.ZeroShot:
				zero = i
				continue
			case r != "" && r != "none":
				continue
			}
			plain = i
			var row []*plot.Plot
			key := legendPlot()
			for column, m := range []struct{ key, title string }{{"logit_norm", "mean logit norm"}, {"logit_range", "mean logit range"}} {
				p := newPlot(part.Label(g), m.title, "ECE, %")
				drawn := path(part.Table, zero, plain, m.key)
				for i, target := range t.Targets {
					a, err := arrowsOf(drawn, target.Name, colour(i))
					if err != nil {
						return nil, err
					}
					if a == nil {
						continue
					}
					p.Add(a)
					if column == 0 {
						key.Legend.Add(target.Name, a)
					}
				}
				if column == 0 {
					for i, g := range drawn.rows {
						if drawn.has[i] {
							key.Legend.Add(markName(g), mark(i))
						}
					}
				}
				byColumn[column] = append(byColumn[column], p)
				row = append(row, p)
			}
			out.rows = append(out.rows, append(row, key))
		}
	}
	if len(out.rows) == 0 {
		return nil, fmt.Errorf("norms: no adapted run without a remedy to draw arrows to")
	}
	for _, plots := range byColumn {
		equalAxes(plots, true, true)
	}
	return out, nil
}

// spots are the places of zero-shot, of the adapted model and of its remedies
// on a target; the first two are absent where not measured.
type spots struct {
	key  string
	rows []table.Group
	has  []bool
}

// path collects zero-shot, a plain row and the remedies of its settings.
func path(t table.Table, zero, plain int, key string) spots {
	s := spots{key: key, rows: []table.Group{{}, t.Groups[plain]}, has: []bool{zero >= 0, true}}
	if zero >= 0 {
		s.rows[0] = t.Groups[zero]
	}
	for _, g := range t.Groups {
		if r := g.Fields["remedy"]; g.Fields["method"] == t.Groups[plain].Fields["method"] && r != "" && r != "none" &&
			t.Setting(g) == t.Setting(t.Groups[plain]) {
			s.rows, s.has = append(s.rows, g), append(s.has, true)
		}
	}
	return s
}

// arrows is one target's marks with the arrows between them.
type arrows struct {
	at     []plotter.XY
	kind   []int // index of the mark
	colour color.Color
}

func arrowsOf(s spots, target string, c color.Color) (*arrows, error) {
	a := &arrows{colour: c}
	for i, g := range s.rows {
		x, ok1 := g.Spread(target, s.key)
		y, ok2 := g.Spread(target, "ece")
		if !s.has[i] || !ok1 || !ok2 {
			continue
		}
		if math.IsNaN(x.Mean+y.Mean) || math.IsInf(x.Mean+y.Mean, 0) {
			return nil, fmt.Errorf("norms: %s on %s is not finite", s.key, target)
		}
		a.at, a.kind = append(a.at, plotter.XY{X: x.Mean, Y: 100 * y.Mean}), append(a.kind, i)
	}
	if !slices.Contains(a.kind, 1) {
		return nil, nil
	}
	return a, nil
}

func (a *arrows) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	place := func(i int) vg.Point { return vg.Point{X: toX(a.at[i].X), Y: toY(a.at[i].Y)} }
	adapted := place(slices.Index(a.kind, 1))
	for i, kind := range a.kind {
		switch kind {
		case 0:
			arrow(c, place(i), adapted, draw.LineStyle{Color: a.colour, Width: 1.2})
		case 1:
		default:
			arrow(c, adapted, place(i), draw.LineStyle{Color: a.colour, Width: 0.8, Dashes: []vg.Length{3, 2}})
		}
	}
	for i, kind := range a.kind {
		c.DrawGlyph(draw.GlyphStyle{Color: a.colour, Radius: 3.2, Shape: shape(kind)}, place(i))
	}
}

// DataRange implements plot.DataRanger.
func (a *arrows) DataRange() (xmin, xmax, ymin, ymax float64) {
	return plotter.XYRange(plotter.XYs(a.at))
}

// Thumbnail implements plot.Thumbnailer.
func (a *arrows) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(draw.LineStyle{Color: a.colour, Width: 2}, c.Min.X, y, c.Max.X, y)
}

// markName names what a mark stands for.
func markName(g table.Group) string {
	switch r := g.Fields["remedy"]; {
	case g.Fields["method"] == table.ZeroShot:
		return "zero-shot"
	case r == "" || r == "none":
		return "adapted"
	default:
		return "+ " + table.Display(r)
	}
}

// mark is a mark alone, for the key.
type mark int

func (m mark) Thumbnail(c *draw.Canvas) {
	c.DrawGlyph(draw.GlyphStyle{Color: color.Black, Radius: 3.2, Shape: shape(int(m))}, c.Center())
}

// arrow stops short of both marks; marks that touch get none.
func arrow(c draw.Canvas, from, to vg.Point, style draw.LineStyle) {
	const clear, head = 5, 5
	d := to.Sub(from)
	length := vg.Length(math.Hypot(float64(d.X), float64(d.Y)))
	if length < 2*clear+head {
		return
	}
	unit := d.Scale(1 / length)
	tip, base := to.Sub(unit.Scale(clear)), to.Sub(unit.Scale(clear+head))
	side := vg.Point{X: -unit.Y, Y: unit.X}.Scale(head / 2.2)
	c.StrokeLine2(style, from.Add(unit.Scale(clear)).X, from.Add(unit.Scale(clear)).Y, base.X, base.Y)
	c.FillPolygon(style.Color, []vg.Point{tip, base.Add(side), base.Sub(side)})
}
