package demo

import (
	"image"
	"math"
	"math/rand/v2"
)

// planes holds the red, green and blue of a picture in [0, 1], row by row.
type planes struct {
	width, height int
	channel       [3][]float64
}

func planesOf(img *image.NRGBA) *planes {
	p := &planes{width: img.Rect.Dx(), height: img.Rect.Dy()}
	for c := range p.channel {
		p.channel[c] = make([]float64, p.width*p.height)
	}
	for y := range p.height {
		row := img.Pix[img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+y):]
		for x := range p.width {
			for c := range p.channel {
				p.channel[c][y*p.width+x] = float64(row[4*x+c]) / 255
			}
		}
	}
	return p
}

// image rounds back to 8 bits, clipping.
func (p *planes) image() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, p.width, p.height))
	for i := range p.width * p.height {
		for c := range p.channel {
			img.Pix[4*i+c] = uint8(math.Round(255 * min(max(p.channel[c][i], 0), 1)))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// addNoise adds N(0, sigma²) to every value of every channel.
func (p *planes) addNoise(sigma float64, rng *rand.Rand) {
	for c := range p.channel {
		for i := range p.channel[c] {
			p.channel[c][i] += sigma * gauss(rng)
		}
	}
}

// contrast pulls every value towards its channel's mean: (x - mean)·factor + mean.
func (p *planes) contrast(factor float64) {
	for _, v := range p.channel {
		mean := 0.0
		for _, x := range v {
			mean += x
		}
		mean /= float64(len(v))
		for i, x := range v {
			v[i] = (x-mean)*factor + mean
		}
	}
}

// blur convolves with a Gaussian cut off at four standard deviations, the
// border pixels repeated outwards.
func (p *planes) blur(sigma float64) {
	radius := int(math.Ceil(4 * sigma))
	kernel, sum := make([]float64, 2*radius+1), 0.0
	for i := range kernel {
		d := float64(i-radius) / sigma
		kernel[i] = math.Exp(-d * d / 2)
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	along := func(v []float64, count, step, length, stride int) []float64 {
		out := make([]float64, len(v))
		for line := range count {
			for i := range length {
				s := 0.0
				for k, w := range kernel {
					at := min(max(i+k-radius, 0), length-1)
					s += w * v[line*step+at*stride]
				}
				out[line*step+i*stride] = s
			}
		}
		return out
	}
	for c, v := range p.channel {
		v = along(v, p.height, p.width, p.width, 1)
		p.channel[c] = along(v, p.width, 1, p.height, p.width)
	}
}

// pixelate averages over boxes, int(scale·side) of them along each side, and
// paints every pixel with the average of the box its centre lies in.
func (p *planes) pixelate(scale float64) {
	cols := max(int(scale*float64(p.width)), 1)
	rows := max(int(scale*float64(p.height)), 1)
	for c, v := range p.channel {
		small := boxAverage(v, p.width, p.height, cols, rows)
		out := make([]float64, len(v))
		for y := range p.height {
			for x := range p.width {
				out[y*p.width+x] = small[(2*y+1)*rows/(2*p.height)*cols+(2*x+1)*cols/(2*p.width)]
			}
		}
		p.channel[c] = out
	}
}

// boxAverage shrinks v by area: a pixel counts in a box by the part of it that
// the box covers.
func boxAverage(v []float64, width, height, cols, rows int) []float64 {
	across := make([]float64, height*cols)
	for y := range height {
		shrinkLine(across[y*cols:], 1, cols, v[y*width:], 1, width)
	}
	out := make([]float64, rows*cols)
	for x := range cols {
		shrinkLine(out[x:], cols, rows, across[x:], cols, height)
	}
	return out
}

func shrinkLine(dst []float64, dstStride, m int, src []float64, srcStride, n int) {
	size := float64(n) / float64(m)
	for i := range m {
		lo, hi := float64(i)*size, float64(i+1)*size
		sum := 0.0
		for j := int(lo); j < n && float64(j) < hi; j++ {
			covered := min(hi, float64(j+1)) - max(lo, float64(j))
			sum += covered * src[j*srcStride]
		}
		dst[i*dstStride] = sum / size
	}
}

// rotate turns the picture about its centre, with bilinear interpolation, the
// border pixels repeated outwards.
func (p *planes) rotate(degrees float64) {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	cx, cy := float64(p.width-1)/2, float64(p.height-1)/2
	for c, v := range p.channel {
		out := make([]float64, len(v))
		for y := range p.height {
			for x := range p.width {
				dx, dy := float64(x)-cx, float64(y)-cy
				out[y*p.width+x] = p.bilinear(v, cx+cos*dx+sin*dy, cy-sin*dx+cos*dy)
			}
		}
		p.channel[c] = out
	}
}

// bilinear reads between pixels at (x, y); outside, the nearest border counts.
func (p *planes) bilinear(v []float64, x, y float64) float64 {
	x = min(max(x, 0), float64(p.width-1))
	y = min(max(y, 0), float64(p.height-1))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, p.width-1), min(y0+1, p.height-1)
	fx, fy := x-float64(x0), y-float64(y0)
	top := v[y0*p.width+x0]*(1-fx) + v[y0*p.width+x1]*fx
	bottom := v[y1*p.width+x0]*(1-fx) + v[y1*p.width+x1]*fx
	return top*(1-fy) + bottom*fy
}
