package table

import "math"

// Spread is a mean over runs and their sample standard deviation, 0 for one.
type Spread struct {
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
	N    int     `json:"n"`
}

// SpreadOf summarises values.
func SpreadOf(values []float64) Spread {
	s := Spread{N: len(values)}
	for _, v := range values {
		s.Mean += v / float64(len(values))
	}
	if len(values) > 1 {
		sum := 0.0
		for _, v := range values {
			sum += (v - s.Mean) * (v - s.Mean)
		}
		s.Std = math.Sqrt(sum / float64(len(values)-1))
	}
	return s
}
