package calib

import "math"

// Predictions is what the metrics need to know of labelled logits: the class
// chosen for each sample, the confidence in it and whether it was right. Make
// one with [Predict]. Bin counts below 1 mean the default of each method.
type Predictions struct {
	Class      []int     // arg max of the logits, the lowest index on ties
	Confidence []float64 // softmax probability of Class
	Correct    []bool    // Class equals the label

	rows    Rows
	labels  []int
	nll     []float64 // of each sample, as are the next three
	brier   []float64
	spread  []float64
	norm    []float64
	byClass classTallies
}

// Predict checks logits [N x K] and labels [N] and returns the predictions.
// The logits and labels are kept, not copied.
func Predict(logits Matrix, labels []int) (Predictions, error) {
	if err := checkShape(logits.N, logits.K, len(logits.Data)); err != nil {
		return Predictions{}, err
	}
	return PredictRows(logits, labels, Options{})
}

// PredictRows is [Predict] for logits that are read in pieces, once and on all
// cores; of them only a few numbers a sample are kept. The class-wise errors
// are prepared for the fine bins of opt; for another number of bins their
// methods read the rows again and give NaN where that fails.
func PredictRows(logits Rows, labels []int, opt Options) (Predictions, error) {
	if err := opt.check(); err != nil {
		return Predictions{}, err
	}
	n, k := logits.Shape()
	if err := checkDimensions(n, k); err != nil {
		return Predictions{}, err
	}
	if err := checkLabels(n, k, labels); err != nil {
		return Predictions{}, err
	}
	p := Predictions{
		Class:      make([]int, n),
		Confidence: make([]float64, n),
		Correct:    make([]bool, n),
		rows:       logits,
		labels:     labels,
		nll:        make([]float64, n),
		brier:      make([]float64, n),
		spread:     make([]float64, n),
		norm:       make([]float64, n),
	}
	var err error
	p.byClass, err = tallyClasses(logits, labels, orDefault(opt.FineBins, DefaultFineBins), p.addRow)
	if err != nil {
		return Predictions{}, err
	}
	return p, nil
}

// addRow measures row i and leaves its softmax in probs.
func (p *Predictions) addRow(i int, row, probs []float64) error {
	top, least, squares := 0, row[0], 0.0
	peak := row[0]
	for k, v := range row {
		if v > peak {
			top, peak = k, v
		}
		if v < least {
			least = v
		}
		squares += v * v
	}
	// The sum tells NaN and infinities; huge logits overflow it too.
	if !(squares <= math.MaxFloat64) {
		if err := checkRow(row, i); err != nil {
			return err
		}
	}
	y := p.labels[i]
	sum := softmaxFrom(probs, row, peak)
	brier := 0.0
	for k, q := range probs {
		if k == y {
			q--
		}
		brier += q * q
	}
	p.Class[i], p.Confidence[i], p.Correct[i] = top, probs[top], top == y
	p.nll[i] = peak + math.Log(sum) - row[y]
	p.brier[i] = brier
	p.spread[i] = peak - least
	if squares > 1e-200 && squares < 1e200 {
		p.norm[i] = math.Sqrt(squares)
	} else {
		p.norm[i] = normOf(row)
	}
	return nil
}

// Samples is the number of samples.
func (p Predictions) Samples() int { return len(p.Confidence) }

// Classes is the number of columns of the logits.
func (p Predictions) Classes() int { return p.byClass.classes }

// Accuracy is the fraction of samples whose class is right.
func (p Predictions) Accuracy() float64 {
	return float64(p.hits()) / float64(len(p.Correct))
}

func (p Predictions) hits() int {
	hits := 0
	for _, ok := range p.Correct {
		if ok {
			hits++
		}
	}
	return hits
}

// MeanConfidence is the mean of the confidences.
func (p Predictions) MeanConfidence() float64 { return mean(p.Confidence) }

// NLL is the mean negative log-likelihood of the labels, in nats.
func (p Predictions) NLL() float64 { return mean(p.nll) }

// Brier is the mean over samples of Σ_k (p_k - [y = k])², between 0 and 2.
func (p Predictions) Brier() float64 { return mean(p.brier) }

// LogitRange is the mean over samples of max - min of the logits.
func (p Predictions) LogitRange() float64 { return mean(p.spread) }

// LogitNorm is the mean over samples of the Euclidean norm of the logits.
func (p Predictions) LogitNorm() float64 { return mean(p.norm) }

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
