package calib

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// smoothGrid is the number of intervals of the grid that [SmoothECE] works on.
const smoothGrid = 1 << 13

// SmoothECE is the smooth calibration error (Błasiok and Nakkiran, 2023): the
// residuals "right or not, less the confidence" are smoothed over the
// confidence by a Gaussian reflected at 0 and 1, and the absolute value is
// integrated. The width σ is the one at which the error equals it, so there is
// no number of bins to choose; it is returned too.
func (p Predictions) SmoothECE() (err, width float64) {
	s := newSmoother(p.Confidence, p.Correct)
	lo, hi := 0.0, 1.0
	for range 50 { // the error falls as the width grows
		mid := (lo + hi) / 2
		if mid < s.at(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return s.at(hi), hi
}

// SmoothECEAt is [Predictions.SmoothECE] at a given width above 0.
func (p Predictions) SmoothECEAt(width float64) float64 {
	return newSmoother(p.Confidence, p.Correct).at(width)
}

// smoother holds the cosine transform of the residuals: a reflected Gaussian
// is a plain factor on it.
type smoother struct {
	dct      *fourier.DCT
	spectrum []float64
	work     []float64
}

func newSmoother(confidence []float64, correct []bool) *smoother {
	residual := make([]float64, smoothGrid+1)
	for i, c := range confidence {
		r := -c
		if correct[i] {
			r++
		}
		// Shared between the two neighbours on the grid.
		at := c * smoothGrid
		low := min(int(at), smoothGrid-1)
		share := at - float64(low)
		residual[low] += r * (1 - share)
		residual[low+1] += r * share
	}
	// The even extension holds inner points twice, the ends once.
	residual[0] *= 2
	residual[smoothGrid] *= 2
	for i := range residual {
		residual[i] /= float64(len(confidence))
	}
	d := fourier.NewDCT(smoothGrid + 1)
	return &smoother{dct: d, spectrum: d.Transform(nil, residual), work: make([]float64, smoothGrid+1)}
}

func (s *smoother) at(width float64) float64 {
	for j, v := range s.spectrum {
		x := math.Pi * float64(j) * width
		s.work[j] = v * math.Exp(-x*x/2)
	}
	// Back again; the factor of a pair of transforms is twice the grid, and
	// the spacing that turns the sum into an integral is its inverse.
	s.dct.Transform(s.work, s.work)
	sum := (math.Abs(s.work[0]) + math.Abs(s.work[smoothGrid])) / 2
	for _, v := range s.work[1:smoothGrid] {
		sum += math.Abs(v)
	}
	return sum / (2 * smoothGrid)
}
