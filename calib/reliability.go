package calib

// Bin is one bar of a reliability diagram: the samples whose confidence lies
// in (Lower, Upper].
type Bin struct {
	Lower      float64 `json:"lower"`
	Upper      float64 `json:"upper"`
	Count      int     `json:"count"`
	Accuracy   float64 `json:"accuracy"`   // fraction right, 0 when Count is 0
	Confidence float64 `json:"confidence"` // mean confidence, 0 when Count is 0
}

// Gap is confidence minus accuracy: positive when the bin is over-confident.
func (b Bin) Gap() float64 { return b.Confidence - b.Accuracy }

// Reliability is the data of a reliability diagram.
type Reliability struct {
	Bins       []Bin   `json:"bins"`
	Samples    int     `json:"samples"`
	Accuracy   float64 `json:"accuracy"`
	Confidence float64 `json:"confidence"` // mean over the samples
	ECE        float64 `json:"ece"`        // over these bins
}

// Reliability bins the confidences as [Predictions.ECE] does, 10 bins by
// default.
func (p Predictions) Reliability(bins int) Reliability {
	bins = orDefault(bins, DefaultBins)
	tallies := p.tallies(bins)
	r := Reliability{
		Bins:       make([]Bin, bins),
		Samples:    len(p.Confidence),
		Accuracy:   p.Accuracy(),
		Confidence: p.MeanConfidence(),
		ECE:        weightedGap(tallies, len(p.Confidence)),
	}
	for m, t := range tallies {
		b := Bin{Lower: edge(m, bins), Upper: edge(m+1, bins), Count: t.count}
		if t.count > 0 {
			b.Accuracy = t.correct / float64(t.count)
			b.Confidence = t.confidence / float64(t.count)
		}
		r.Bins[m] = b
	}
	return r
}
