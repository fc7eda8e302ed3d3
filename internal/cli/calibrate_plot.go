package cli

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/atomicfile"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var plotFormats = []string{"svg", "pdf", "png"}

// plotFormat checks the ending of --plot.
func plotFormat(path string) error {
	if !slices.Contains(plotFormats, ending(path)) {
		return usagef("--plot %s: the ending says the format; want .svg, .pdf or .png", path)
	}
	return nil
}

func ending(path string) string { return strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".") }

var (
	plotBar   = color.NRGBA{70, 110, 170, 255}
	plotOver  = color.NRGBA{200, 60, 60, 120}
	plotUnder = color.NRGBA{90, 160, 90, 120}
	plotFaint = color.NRGBA{120, 120, 120, 255}
)

// plot draws the reliability diagrams, before beside after, with the samples
// of each bin below on a scale of their own.
func (s *summary) plot(path string) error {
	panels := []struct {
		title string
		p     calib.Predictions
	}{{"", s.after}}
	if s.remedied.changed() {
		panels = append(panels, panels[0])
		panels[0].title, panels[0].p = "before", s.before
		panels[1].title = "after " + s.remedied.name
	}
	grid := [][]*plot.Plot{nil, nil}
	for _, panel := range panels {
		upper, lower, err := s.panel(panel.title, panel.p.Reliability(s.flags.bins))
		if err != nil {
			return err
		}
		grid[0], grid[1] = append(grid[0], upper), append(grid[1], lower)
	}
	const side, strip = 9 * vg.Centimeter, 3.2 * vg.Centimeter
	width := side * vg.Length(len(panels))
	c, err := draw.NewFormattedCanvas(width, side+strip, ending(path))
	if err != nil {
		return fmt.Errorf("--plot %s: %w", path, err)
	}
	area := draw.New(c)
	for i := range panels {
		left := area.Min.X + side*vg.Length(i)
		column := draw.Crop(area, left-area.Min.X, left+side-area.Max.X, 0, 0)
		// Axes are lined up by hand: both have labels of the same width.
		grid[0][i].Draw(draw.Crop(column, 0, -8, strip, -4))
		grid[1][i].Draw(draw.Crop(column, 0, -8, 0, -side))
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := c.WriteTo(w)
		return err
	})
}

func (s *summary) panel(title string, r calib.Reliability) (upper, lower *plot.Plot, err error) {
	upper, lower = plot.New(), plot.New()
	upper.Title.Text = trimmed(fmt.Sprintf("%s  accuracy %.1f %%, ECE %.2f %%", title, 100*r.Accuracy, 100*r.ECE))
	upper.Title.Text = strings.TrimSpace(upper.Title.Text)
	upper.Y.Label.Text, lower.X.Label.Text, lower.Y.Label.Text = "accuracy", "confidence", "samples"
	upper.X.Min, upper.X.Max, upper.Y.Min, upper.Y.Max = 0, 1, 0, 1
	lower.X.Min, lower.X.Max, lower.Y.Min = 0, 1, 0
	for _, p := range []*plot.Plot{upper, lower} {
		p.X.Padding, p.Y.Padding = 0, 0
		p.X.Tick.Marker = fifths{}
	}
	upper.Y.Tick.Marker = fifths{}
	lower.Y.Tick.Marker = ends{}
	for _, b := range r.Bins {
		if b.Count == 0 {
			continue
		}
		lower.Y.Max = max(lower.Y.Max, float64(b.Count))
		if err := s.drawBin(upper, lower, b); err != nil {
			return nil, nil, err
		}
	}
	diagonal, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
	if err != nil {
		return nil, nil, err
	}
	diagonal.Color, diagonal.Dashes = plotFaint, []vg.Length{4, 3}
	upper.Add(diagonal)
	for _, at := range []struct {
		x      float64
		dashes []vg.Length
	}{{r.Accuracy, nil}, {r.Confidence, []vg.Length{3, 2}}} {
		l, err := plotter.NewLine(plotter.XYs{{X: at.x, Y: 0}, {X: at.x, Y: lower.Y.Max}})
		if err != nil {
			return nil, nil, err
		}
		l.Dashes = at.dashes
		lower.Add(l)
	}
	return upper, lower, nil
}

// drawBin draws the accuracy, the gap from there to the mean confidence and the
// interval of the accuracy, which is wide where samples are few.
func (s *summary) drawBin(upper, lower *plot.Plot, b calib.Bin) error {
	gap := plotUnder
	if b.Gap() > 0 {
		gap = plotOver
	}
	for _, box := range []struct {
		on     *plot.Plot
		lo, hi float64
		fill   color.Color
	}{
		{upper, 0, b.Accuracy, plotBar},
		{upper, min(b.Accuracy, b.Confidence), max(b.Accuracy, b.Confidence), gap},
		{lower, 0, float64(b.Count), plotBar},
	} {
		p, err := plotter.NewPolygon(plotter.XYs{{X: b.Lower, Y: box.lo}, {X: b.Upper, Y: box.lo}, {X: b.Upper,
			Y: box.hi}, {X: b.Lower, Y: box.hi}})
		if err != nil {
			return err
		}
		p.Color, p.LineStyle.Width = box.fill, vg.Points(0.5)
		p.LineStyle.Color = color.White
		box.on.Add(p)
	}
	i, err := calib.Wilson(int(math.Round(b.Accuracy*float64(b.Count))), b.Count, s.flags.level)
	if err != nil {
		return err
	}
	middle := (b.Lower + b.Upper) / 2
	whisker, err := plotter.NewLine(plotter.XYs{{X: middle, Y: i.Low}, {X: middle, Y: i.High}})
	if err != nil {
		return err
	}
	upper.Add(whisker)
	return nil
}

// fifths ticks 0, 0.2, … 1.
type fifths struct{}

func (fifths) Ticks(_, _ float64) (t []plot.Tick) {
	for i := range 6 {
		t = append(t, plot.Tick{Value: float64(i) / 5, Label: fmt.Sprintf("%.1f", float64(i)/5)})
	}
	return t
}

// ends ticks 0 and the largest count.
type ends struct{}

func (ends) Ticks(_, most float64) []plot.Tick {
	return []plot.Tick{{Value: 0, Label: "0"}, {Value: most, Label: shortCount(most)}}
}

// shortCount writes a count in at most four characters.
func shortCount(v float64) string {
	switch {
	case v < 1e4:
		return fmt.Sprintf("%.0f", v)
	case v < 1e6:
		return fmt.Sprintf("%.0fk", v/1e3)
	}
	return fmt.Sprintf("%.0fM", v/1e6)
}
