package figure

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// Spot is where a model stands on a set: means over its samples, and ECE in per
// cent.
type Spot struct{ Norm, Range, ECE float64 }

// Shift is how adapting by a method moved a set.
type Shift struct {
	Method, Set       string
	ZeroShot, Adapted Spot
}

// shiftColours are those of the paper's figure, by the order of the sets: blue,
// red, orange, purple.
var shiftColours = []color.Color{
	color.RGBA{0x1f, 0x5f, 0xbf, 0xff}, color.RGBA{0xc6, 0x28, 0x28, 0xff}, color.RGBA{0xe0, 0x83, 0x10, 0xff},
	color.RGBA{0x7b, 0x3f, 0xa8, 0xff},
}

// Shifts draws the paper's figure of norm and range: a column a method, above
// the mean logit norm and below the mean logit range against ECE, an arrow from
// the zero-shot model to the adapted one for every set.
func Shifts(methods, sets []string, shifts []Shift) (Figure, error) {
	out := panels{w: 300, h: 260, rows: make([][]*plot.Plot, 2)}
	if len(shifts) == 0 {
		return nil, fmt.Errorf("range: nothing was measured both before and after adapting")
	}
	axes := []struct {
		title string
		of    func(Spot) float64
	}{
		{"mean logit norm", func(s Spot) float64 { return s.Norm }},
		{"mean logit range", func(s Spot) float64 { return s.Range }},
	}
	key := legendPlot()
	for row, axis := range axes {
		for _, method := range methods {
			p := newPlot(method, axis.title, "ECE, %")
			for i, set := range sets {
				for _, s := range shifts {
					if s.Method != method || s.Set != set {
						continue
					}
					a := &arrows{colour: shiftColours[i%len(shiftColours)], kind: []int{0, 1}, at: []plotter.XY{
						{X: axis.of(s.ZeroShot), Y: s.ZeroShot.ECE}, {X: axis.of(s.Adapted), Y: s.Adapted.ECE}}}
					p.Add(a)
				}
			}
			out.rows[row] = append(out.rows[row], p)
		}
		equalAxes(out.rows[row], true, true)
		for _, p := range out.rows[row] {
			spread(&p.X)
			spread(&p.Y)
		}
	}
	for i, set := range sets {
		key.Legend.Add(set, &arrows{colour: shiftColours[i%len(shiftColours)]})
	}
	key.Legend.Add("zero-shot", mark(0))
	key.Legend.Add("adapted", mark(1))
	out.rows[0] = append(out.rows[0], key)
	return out, nil
}

// spread widens an axis, so that no mark is cut at its ends.
func spread(a *plot.Axis) {
	by := 0.06 * (a.Max - a.Min)
	a.Min, a.Max = a.Min-by, a.Max+by
}
