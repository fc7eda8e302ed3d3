package pretrain

import (
	"math/rand/v2"

	"clipcalib/internal/pairs"
	"clipcalib/vit"
)

// augmenter turns pictures into the tower's input, each time a little
// different.
type augmenter struct {
	side    int
	picture []float32 // RGB, 0 to 1
}

func newAugmenter(side int) *augmenter {
	return &augmenter{side: side, picture: make([]float32, 3*side*side)}
}

// into writes an augmented view of rgb to dst [3, side, side], normalised.
func (a *augmenter) into(dst []float32, rgb []uint8, kind pairs.Kind, rng *rand.Rand) {
	for i, v := range rgb {
		a.picture[i] = float32(v) / 255
	}
	if kind == pairs.OneColour {
		a.recolour(rng)
	} else {
		a.jitter(rng)
	}
	a.warp(dst, rng)
}

// plain writes rgb without augmentation.
func plain(dst []float32, rgb []uint8) {
	plane := len(rgb) / 3
	for i := range plane {
		for c := range 3 {
			dst[c*plane+i] = normalise(float32(rgb[3*i+c])/255, c)
		}
	}
}

func normalise(v float32, channel int) float32 {
	return (v - vit.ClipMean[channel]) / vit.ClipStd[channel]
}

// recolour draws a black-on-white picture in two random colours, the ink
// mostly the darker; half of the time it stays as it is. Stronger changes,
// here and below, were seen to keep a small model from learning for long.
func (a *augmenter) recolour(rng *rand.Rand) {
	if rng.Float32() < 0.5 {
		return
	}
	ink, paper := randomColour(rng, 0, 0.7), [3]float32{1, 1, 1}
	if rng.Float32() < 0.4 {
		paper = randomColour(rng, 0.6, 1)
	}
	if rng.Float32() < 0.2 {
		ink, paper = paper, ink
	}
	if distance(ink, paper) < 0.25 {
		return
	}
	for i := 0; i < len(a.picture); i += 3 {
		for c := range 3 {
			v := a.picture[i+c]
			a.picture[i+c] = ink[c] + (paper[c]-ink[c])*v
		}
	}
}

func randomColour(rng *rand.Rand, low, high float32) (colour [3]float32) {
	for c := range colour {
		colour[c] = low + (high-low)*rng.Float32()
	}
	return colour
}

func distance(a, b [3]float32) float32 {
	var d float32
	for c := range a {
		d += (a[c] - b[c]) * (a[c] - b[c])
	}
	return d
}

// jitter changes contrast, saturation and brightness a little, and sometimes
// takes the colour away.
func (a *augmenter) jitter(rng *rand.Rand) {
	contrast := 1 + 0.3*(rng.Float32()-0.5)
	saturation := 1 + 0.5*(rng.Float32()-0.5)
	if rng.Float32() < 0.05 {
		saturation = 0
	}
	var tint [3]float32
	for c := range tint {
		tint[c] = 1 + 0.15*(rng.Float32()-0.5)
	}
	for i := 0; i < len(a.picture); i += 3 {
		px := a.picture[i : i+3]
		grey := 0.299*px[0] + 0.587*px[1] + 0.114*px[2]
		for c, v := range px {
			v = grey + saturation*(v-grey)
			px[c] = min(1, max(0, tint[c]*(1+contrast*(v-1))))
		}
	}
}

// warp scales and shifts the picture, with bilinear sampling; outside it the
// colour of its corner goes on.
func (a *augmenter) warp(dst []float32, rng *rand.Rand) {
	side := float32(a.side)
	scaleX := 0.9 + 0.2*rng.Float32() // of the picture shown across the view
	scaleY := scaleX * (0.95 + 0.1*rng.Float32())
	centreX := side/2 + 0.1*side*(rng.Float32()-0.5)
	centreY := side/2 + 0.1*side*(rng.Float32()-0.5)
	plane := a.side * a.side
	for y := range a.side {
		sy := centreY + (float32(y)+0.5-side/2)*scaleY - 0.5
		for x := range a.side {
			sx := centreX + (float32(x)+0.5-side/2)*scaleX - 0.5
			for c := range 3 {
				dst[c*plane+y*a.side+x] = normalise(a.sample(sx, sy, c), c)
			}
		}
	}
}

func (a *augmenter) sample(x, y float32, c int) float32 {
	x0, y0 := floor(x), floor(y)
	fx, fy := x-float32(x0), y-float32(y0)
	top := a.at(x0, y0, c)*(1-fx) + a.at(x0+1, y0, c)*fx
	bottom := a.at(x0, y0+1, c)*(1-fx) + a.at(x0+1, y0+1, c)*fx
	return top*(1-fy) + bottom*fy
}

func (a *augmenter) at(x, y, c int) float32 {
	if x < 0 || y < 0 || x >= a.side || y >= a.side {
		return a.picture[c]
	}
	return a.picture[3*(y*a.side+x)+c]
}

func floor(x float32) int {
	i := int(x)
	if float32(i) > x {
		i--
	}
	return i
}
