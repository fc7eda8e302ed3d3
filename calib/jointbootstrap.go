package calib

import (
	"fmt"
	"slices"
)

// JointBootstrap measures several sets of predictions of the same samples on the
// same resamples, for questions to all of them at once, as which has the lowest
// ECE. points[i][name] is a metric of [Resampled] on the samples as they are, and
// draws[i][name] the metric in every draw; NaN stands where it is undefined.
func JointBootstrap(of []Predictions, opt BootstrapOptions) (points []map[string]float64, draws []map[string][]float64,
	err error) {
	if err := opt.check(); err != nil {
		return nil, nil, err
	}
	if len(of) == 0 {
		return nil, nil, fmt.Errorf("predictions: %w", ErrEmpty)
	}
	resamplers := make([]*resampler, len(of))
	for i, p := range of {
		if !slices.Equal(p.labels, of[0].labels) {
			return nil, nil, fmt.Errorf("set of predictions %d has other labels than the first (%d and %d samples): "+
				"want the same samples in the same order", i+1, p.Samples(), of[0].Samples())
		}
		resamplers[i] = newResampler(p, opt.Options)
	}
	all, err := drawAll(opt, of[0].Samples(), resamplers)
	if err != nil {
		return nil, nil, err
	}
	for i, r := range resamplers {
		point, drawn := map[string]float64{}, map[string][]float64{}
		for j, v := range r.asIs() {
			point[resampledNames[j]], drawn[resampledNames[j]] = v, all[i][j]
		}
		points, draws = append(points, point), append(draws, drawn)
	}
	return points, draws, nil
}
