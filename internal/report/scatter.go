package report

import (
	"fmt"
	"math"
)

// Measures of the scatter of logit range against ECE.
const (
	scatterTotal = 1110.0 // of all panels of a row
	scatterH     = 230.0
	scatterLeft  = 46.0
	scatterTop   = 30.0
	scatterRight = 16.0
	scatterGapX  = 46.0
	scatterGapY  = 66.0
	legendLine   = 20.0
	scatterFoot  = 10.0
)

// marks are the shapes of zero-shot, of an adapted model and of the remedies.
var marks = []func(c canvas, x, y float64, fill ink){square, star, circle, triangle, diamond, cross}

func markOf(remedyIndex int) func(c canvas, x, y float64, fill ink) {
	return marks[min(2+remedyIndex, len(marks)-1)]
}

// spot is a mean over seeds in a scatter panel.
type spot struct{ x, y float64 }

func (g results) spot(key rowKey, target string) (spot, bool) {
	c := g.at(key, target)
	if c == nil {
		return spot{}, false
	}
	return spot{c.over(logitRange).Mean, 100 * c.over(ece).Mean}, true
}

// scatterLayout returns the number of panels in a row and their width.
func (g results) scatterLayout() (columns int, width float64) {
	columns = 3
	if n := len(g.methods); n < 3 || n == 4 || n > 6 {
		columns = min(max(n, 1), 4)
	}
	width = (scatterTotal - scatterLeft - scatterRight - float64(columns-1)*scatterGapX) / float64(columns)
	return columns, min(width, 340)
}

func (g results) scatterSize() (w, h float64) {
	columns, width := g.scatterLayout()
	rows := (len(g.methods) + columns - 1) / columns
	w = scatterLeft + float64(columns)*(width+scatterGapX) - scatterGapX + scatterRight
	w = max(w, 620)
	h = scatterTop + float64(rows)*(scatterH+scatterGapY) + legendLine*float64(g.legendLines(w-scatterLeft)) + scatterFoot
	return w, h
}

// drawScatter draws one panel per method: arrows lead from the zero-shot model
// to the adapted one and on to each remedy, a colour per target.
func (g results) drawScatter(c canvas) {
	columns, width := g.scatterLayout()
	xs, ys := g.scatterAxes()
	for i, method := range g.methods {
		x := scatterLeft + float64(i%columns)*(width+scatterGapX)
		y := scatterTop + float64(i/columns)*(scatterH+scatterGapY)
		g.drawPanel(c, x, y, width, method, xs, ys)
	}
	w, h := g.scatterSize()
	g.drawLegend(c, scatterLeft, h-legendLine*float64(g.legendLines(w-scatterLeft))-4-scatterFoot)
}

// scatterAxes are those of every panel, so that panels can be compared.
func (g results) scatterAxes() (xs, ys axisScale) {
	var all []spot
	for _, key := range g.rows {
		for _, t := range g.targets {
			if s, ok := g.spot(key, t); ok {
				all = append(all, s)
			}
		}
	}
	return newAxis(all, func(s spot) float64 { return s.x }), newAxis(all, func(s spot) float64 { return s.y })
}

func (g results) drawPanel(c canvas, x, y, width float64, method string, xs, ys axisScale) {
	keys := []rowKey{{ZeroShot, ""}, {method, ""}}
	for _, remedy := range g.remedies(method) {
		keys = append(keys, rowKey{method, remedy})
	}
	c.text(x+width/2, y-10, 13, display(method), inkText, middle+bold)
	box(c, x, y, width, scatterH)
	for _, v := range xs.ticks() {
		at := x + width*xs.unit(v)
		c.line(at, y, at, y+scatterH, inkGrid, 1, false)
		c.text(at, y+scatterH+14, 9.5, xs.label(v), inkMuted, middle)
	}
	for _, v := range ys.ticks() {
		at := y + scatterH*(1-ys.unit(v))
		c.line(x, at, x+width, at, inkGrid, 1, false)
		c.text(x-6, at+3.5, 9.5, ys.label(v), inkMuted, end)
	}
	c.text(x+width/2, y+scatterH+31, 11, "mean logit range", inkMuted, middle)
	c.vertical(x-32, y+scatterH/2, 11, "ECE, %", inkMuted)
	place := func(s spot) (float64, float64) {
		return x + width*xs.unit(s.x), y + scatterH*(1-ys.unit(s.y))
	}
	for _, target := range g.targets {
		g.drawPath(c, keys, target, g.colours[target], place)
	}
}

// drawPath draws one target's marks and the arrows between them.
func (g results) drawPath(c canvas, keys []rowKey, target string, colour ink, place func(spot) (float64, float64)) {
	adapted, hasAdapted := g.spot(keys[1], target)
	for i, key := range keys {
		if s, ok := g.spot(key, target); ok && hasAdapted && i != 1 {
			from, to := adapted, s
			if i == 0 {
				from, to = s, adapted
			}
			x1, y1 := place(from)
			x2, y2 := place(to)
			arrow(c, x1, y1, x2, y2, colour, i != 0)
		}
	}
	for i, key := range keys {
		s, ok := g.spot(key, target)
		if !ok {
			continue
		}
		x, y := place(s)
		mark := marks[min(i, 1)]
		if i > 1 {
			mark = markOf(i - 2)
		}
		note := fmt.Sprintf("%s, %s: range %.1f, ECE %.1f %%", target, variant(key.method, key.remedy), s.x, s.y)
		c.group(note, func() { mark(c, x, y, colour) })
	}
}

// drawLegend names marks and colours on two lines or more from (x, y).
func (g results) drawLegend(c canvas, x, y float64) {
	entry := func(at *float64, y float64, name string, mark func()) {
		mark()
		c.text(*at+11, y+4, 11, name, inkMuted, start)
		*at += 26 + 6.3*float64(len([]rune(name)))
	}
	at := x + 6
	entry(&at, y, "zero-shot", func() { square(c, at, y, inkMuted) })
	entry(&at, y, "adapted", func() { star(c, at, y, inkMuted) })
	for i, remedy := range g.anyRemedies() {
		entry(&at, y, "+ "+display(remedy), func() { markOf(i)(c, at, y, inkMuted) })
	}
	at = x + 6
	w, _ := g.scatterSize()
	for _, target := range g.targets {
		if at > x+6 && at+11+6.3*float64(len([]rune(target))) > w {
			at, y = x+6, y+legendLine
		}
		entry(&at, y+legendLine, target, func() { circle(c, at, y+legendLine, g.colours[target]) })
	}
}

// legendLines is the number of lines that the targets' names take.
func (g results) legendLines(width float64) int {
	lines, at := 1, 6.0
	for _, target := range g.targets {
		n := 6.3 * float64(len([]rune(target)))
		if at > 6 && at+11+n > width {
			lines, at = lines+1, 6
		}
		at += 26 + n
	}
	return lines
}

// anyRemedies lists the remedies of the method that has the most.
func (g results) anyRemedies() []string {
	var most []string
	for _, m := range g.methods {
		if r := g.remedies(m); len(r) > len(most) {
			most = r
		}
	}
	return most
}

// axisScale maps values to 0..1 with a margin and round ticks.
type axisScale struct{ low, high, step float64 }

func newAxis(spots []spot, value func(spot) float64) axisScale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range spots {
		low, high = min(low, value(s)), max(high, value(s))
	}
	margin := 0.09 * (high - low)
	if margin == 0 {
		margin = max(0.05*math.Abs(high), 0.5)
	}
	if low >= 0 { // neither range nor ECE is below 0
		low = max(low-margin, 0)
	} else {
		low -= margin
	}
	high += margin
	a := axisScale{low: low, high: high}
	a.step = math.Pow(10, math.Floor(math.Log10((high-low)/3)))
	for _, factor := range []float64{5, 2} {
		if (high-low)/(a.step*factor) >= 3 {
			a.step *= factor
			break
		}
	}
	return a
}

func (a axisScale) unit(v float64) float64 { return (v - a.low) / (a.high - a.low) }

func (a axisScale) ticks() []float64 {
	var out []float64
	for v := math.Ceil(a.low/a.step) * a.step; v <= a.high && len(out) < 20; v += a.step {
		out = append(out, v)
	}
	return out
}

func (a axisScale) label(v float64) string {
	digits := max(0, int(-math.Floor(math.Log10(a.step)+1e-9)))
	text := fmt.Sprintf("%.*f", digits, v)
	if text == "-0" {
		return "0"
	}
	return text
}
