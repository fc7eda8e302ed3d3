package report

import "math"

const markRadius = 4.6

func square(c canvas, x, y float64, fill ink) {
	const r = markRadius * 0.85
	c.rect(x-r, y-r, 2*r, 2*r, fill, 1)
}

func star(c canvas, x, y float64, fill ink) {
	c.polygon(ring(x, y, 10, -90, func(i int) float64 {
		if i%2 == 0 {
			return markRadius * 1.6
		}
		return markRadius * 0.65
	}), fill, 1)
}

func circle(c canvas, x, y float64, fill ink) {
	c.polygon(ring(x, y, 24, 0, constant(markRadius)), fill, 1)
}

func triangle(c canvas, x, y float64, fill ink) {
	c.polygon(ring(x, y, 3, -90, constant(markRadius*1.3)), fill, 1)
}

func diamond(c canvas, x, y float64, fill ink) {
	c.polygon(ring(x, y, 4, -90, constant(markRadius*1.25)), fill, 1)
}

func cross(c canvas, x, y float64, fill ink) {
	const r = markRadius * 0.9
	c.line(x-r, y-r, x+r, y+r, fill, 2.2, false)
	c.line(x-r, y+r, x+r, y-r, fill, 2.2, false)
}

func constant(radius float64) func(int) float64 {
	return func(int) float64 { return radius }
}

// ring returns n points around (x, y), the first at the given angle.
func ring(x, y float64, n int, degrees float64, radius func(i int) float64) []float64 {
	points := make([]float64, 0, 2*n)
	for i := range n {
		a := (degrees + 360*float64(i)/float64(n)) * math.Pi / 180
		points = append(points, x+radius(i)*math.Cos(a), y+radius(i)*math.Sin(a))
	}
	return points
}

// arrow draws a line that stops short of both marks, with a head at its end;
// marks that touch get none.
func arrow(c canvas, x1, y1, x2, y2 float64, colour ink, dashed bool) {
	const clear, head = markRadius * 1.6, 6.0
	length := math.Hypot(x2-x1, y2-y1)
	if length < 2*clear+head {
		return
	}
	dx, dy := (x2-x1)/length, (y2-y1)/length
	tipX, tipY := x2-dx*clear, y2-dy*clear
	baseX, baseY := tipX-dx*head, tipY-dy*head
	width := 1.5
	if dashed {
		width = 1
	}
	c.line(x1+dx*clear, y1+dy*clear, baseX, baseY, colour, width, dashed)
	c.polygon([]float64{tipX, tipY, baseX - dy*head/2.2, baseY + dx*head/2.2, baseX + dy*head/2.2, baseY - dx*head/2.2},
		colour, 1)
}
