package calib

import "fmt"

// maxBins bounds bin counts that come from a user; finer bins than this say
// nothing and cost memory per class.
const maxBins = 100_000

// Options says how many bins the metrics use. The zero value is the
// reference's choice.
type Options struct {
	// Bins is used by ECE, MCE and ACE; 0 means 10.
	Bins int
	// FineBins is used by adaptive ECE, class-wise ECE, its thresholded form
	// and the L2 error; 0 means 15.
	FineBins int
}

func (o Options) check() error {
	if err := checkBins("bins", o.Bins); err != nil {
		return err
	}
	return checkBins("fine bins", o.FineBins)
}

func checkBins(name string, bins int) error {
	if bins < 0 || bins > maxBins {
		return fmt.Errorf("%s: %d is outside 1 to %d", name, bins, maxBins)
	}
	return nil
}

// Metrics is everything [Evaluate] measures: fractions and nats.
type Metrics struct {
	Accuracy                float64 `json:"accuracy"`
	ECE                     float64 `json:"ece"`
	AdaptiveECE             float64 `json:"adaptive_ece"`  // the reference's form, with its holes
	ClasswiseECE            float64 `json:"classwise_ece"` // the reference's form, with its holes
	AdaptiveECEClosed       float64 `json:"adaptive_ece_closed"`
	ClasswiseECEClosed      float64 `json:"classwise_ece_closed"`
	ThresholdedClasswiseECE float64 `json:"thresholded_classwise_ece"`
	MCE                     float64 `json:"mce"`
	ACE                     float64 `json:"ace"`
	L2Error                 float64 `json:"l2_error"`
	NLL                     float64 `json:"nll"`
	Brier                   float64 `json:"brier"`
	LogitRange              float64 `json:"logit_range"`
	LogitNorm               float64 `json:"logit_norm"`
}

// Evaluate measures logits [N x K] against labels [N], over the whole set at
// once: calibration errors of batches do not average to that of the set.
func Evaluate(logits Matrix, labels []int, opt Options) (Metrics, error) {
	if err := checkShape(logits.N, logits.K, len(logits.Data)); err != nil {
		return Metrics{}, err
	}
	return EvaluateRows(logits, labels, opt)
}

// EvaluateRows is [Evaluate] for logits that are read in pieces.
func EvaluateRows(logits Rows, labels []int, opt Options) (Metrics, error) {
	p, err := PredictRows(logits, labels, opt)
	if err != nil {
		return Metrics{}, err
	}
	return p.Metrics(opt), nil
}

// Metrics returns every metric of p. Bin counts below 1 mean the defaults.
func (p Predictions) Metrics(opt Options) Metrics {
	return Metrics{
		Accuracy:                p.Accuracy(),
		ECE:                     p.ECE(opt.Bins),
		AdaptiveECE:             p.AdaptiveECE(opt.FineBins),
		ClasswiseECE:            p.ClasswiseECE(opt.FineBins),
		AdaptiveECEClosed:       p.AdaptiveECEClosed(opt.FineBins),
		ClasswiseECEClosed:      p.ClasswiseECEClosed(opt.FineBins),
		ThresholdedClasswiseECE: p.ThresholdedClasswiseECE(opt.FineBins),
		MCE:                     p.MCE(opt.Bins),
		ACE:                     p.ACE(opt.Bins),
		L2Error:                 p.L2Error(opt.FineBins),
		NLL:                     p.NLL(),
		Brier:                   p.Brier(),
		LogitRange:              p.LogitRange(),
		LogitNorm:               p.LogitNorm(),
	}
}
