package calib

// ClassFigures are the figures of one class. Those that are undefined, for
// want of samples, are nil.
type ClassFigures struct {
	Class      int      `json:"class"`
	Samples    int      `json:"samples"`    // labelled so
	Chosen     int      `json:"chosen"`     // predicted so
	Recall     *float64 `json:"recall"`     // right among the labelled
	Precision  *float64 `json:"precision"`  // right among the chosen
	Confidence *float64 `json:"confidence"` // mean of the chosen; less precision it is the over-confidence
	ECE        float64  `json:"ece_closed"` // of the class's probability; the class-wise ECE is the mean of these
}

// PerClass returns the figures of every column of the logits, 15 bins by
// default.
func (p Predictions) PerClass(bins int) []ClassFigures {
	t := p.classTallies(bins)
	out := make([]ClassFigures, t.classes)
	right, confidence := make([]float64, t.classes), make([]float64, t.classes)
	for i, k := range p.Class {
		out[k].Chosen++
		confidence[k] += p.Confidence[i]
		out[p.labels[i]].Samples++
		if p.Correct[i] {
			right[k]++
		}
	}
	over := func(sum float64, count int) *float64 {
		if count == 0 {
			return nil
		}
		v := sum / float64(count)
		return &v
	}
	for k := range out {
		out[k].Class, out[k].ECE = k, t.closedGap(k)
		out[k].Recall = over(right[k], out[k].Samples)
		out[k].Precision = over(right[k], out[k].Chosen)
		out[k].Confidence = over(confidence[k], out[k].Chosen)
	}
	return out
}
