package clipcalib

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/run"
)

// Predictions are of the pictures of one call, in their order.
type Predictions struct {
	Pictures []Prediction
	Drift    BatchDrift
}

// Prediction is what a run says of one picture. Slices go by the class.
type Prediction struct {
	Name       string  // the picture's
	Class      string  // the likeliest class
	Label      int     // its number
	Confidence float64 // its probability after the remedy

	Probabilities []float64 // after the remedy; they sum to 1
	Logits        []float32 // after the remedy
	Adapted       []float32 // logits before a remedy of inference, such as SaLS
	ZeroShot      []float32 // logits of the model as it was

	Range         float64 // greatest minus least of Adapted
	ZeroShotRange float64 // of ZeroShot
	RangeRatio    float64 // Range over ZeroShotRange

	Drift Drift
	Set   *Set // nil where none was asked for
}

// Drift says whether a picture lies outside of what the run knows, its reference:
// the validation fold of its data set, where the run was evaluated on that, or
// else its training pictures. It is told without labels by the range ratio:
// adaptation stretches the logits of pictures unlike those otherwise than theirs,
// and confidence with them. docs/RESULTS.md says how much of drift it sees.
type Drift struct {
	Known   bool   // the run has statistics of its reference
	Drifted bool   // the ratio is outside of their 1 to 99 % quantiles
	Note    string // in words, with the bounds
}

// BatchDrift says whether the pictures of one call, together, lie outside of
// what the run knows: their range ratios are distributed otherwise than chance
// explains.
type BatchDrift struct {
	Known    bool
	Drifted  bool    // PValue is below 0.01
	Outside  int     // pictures that drift by themselves
	Pictures int     // of so many
	Expected float64 // share outside where nothing drifts: 2 %, or 2/(n+1) for a reference of n < 99 pictures
	Distance float64 // of the distributions of range ratios, Kolmogorov and Smirnov's; 0 without pictures
	PValue   float64 // probability of so great a distance by chance
	Note     string  // in words
}

// prediction puts together what is known of a picture from its logits.
func (r *Run) prediction(name string, mapped, adapted, zeroShot []float32) (Prediction, error) {
	for k, v := range mapped {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return Prediction{}, fmt.Errorf("picture %s: the logit of class %s is %v", name, r.classes[k], v)
		}
	}
	p := Prediction{Name: name, Logits: mapped, Adapted: adapted, ZeroShot: zeroShot,
		Range: run.LogitRange(adapted), ZeroShotRange: run.LogitRange(zeroShot)}
	var err error
	if p.Probabilities, err = softmax(mapped); err != nil {
		return p, fmt.Errorf("picture %s: %w", name, err)
	}
	p.Label = calib.ArgMax(p.Probabilities)
	p.Class, p.Confidence = r.classes[p.Label], p.Probabilities[p.Label]
	p.RangeRatio = run.RangeRatio(p.Range, p.ZeroShotRange)
	p.Drift = r.pictureDrift(p.RangeRatio)
	if p.Set, err = r.set(p); err != nil {
		return p, fmt.Errorf("picture %s: %w", name, err)
	}
	return p, nil
}

func softmax(row []float32) ([]float64, error) {
	m, err := calib.FromFloat32(1, len(row), row)
	if err == nil {
		m, err = calib.Softmax(m)
	}
	return m.Data, err
}

// driftRule says how drift is told.
func (r *Run) driftRule() string {
	switch {
	case r.drift != nil:
		return fmt.Sprintf("a picture drifts where its adapted logits' range over its zero-shot one is outside of "+
			"%.3g to %.3g, the 1 to 99 %% quantiles of %s", r.drift.Lower(), r.drift.Upper(), r.reference())
	case r.model.Family == run.FamilyTestTime:
		return "not known: test-time tuning has no training pictures"
	}
	return "not known: the run keeps no statistics of its training pictures " +
		"(it is of an older version, or was learned elsewhere)"
}

// reference says what drift is told by.
func (r *Run) reference() string {
	if r.drift.Fold != "" {
		return fmt.Sprintf("%d pictures of the validation fold %s", r.drift.Pictures, r.drift.Fold)
	}
	return fmt.Sprintf("%d training pictures", r.drift.Pictures)
}

func (r *Run) pictureDrift(ratio float64) Drift {
	if r.drift == nil {
		return Drift{Note: "Drift is " + r.driftRule()}
	}
	low, high := r.drift.Lower(), r.drift.Upper()
	d := Drift{Known: true, Drifted: ratio < low || ratio > high}
	where := "within"
	if d.Drifted {
		where = "outside of"
	}
	of := "training"
	if r.drift.Fold != "" {
		of = "the validation fold"
	}
	d.Note = fmt.Sprintf("Range ratio %.3g, %s the %.3g to %.3g of %s (1 to 99 %%)", ratio, where, low, high, of)
	return d
}

// BatchDrift says whether pictures drift together, those of several calls too.
func (r *Run) BatchDrift(pictures []Prediction) BatchDrift {
	d := BatchDrift{Known: r.drift != nil, Pictures: len(pictures)}
	if !d.Known {
		d.Note = "Drift is " + r.driftRule()
		return d
	}
	ratios := make([]float64, len(pictures))
	for i, p := range pictures {
		ratios[i] = p.RangeRatio
		if p.Drift.Drifted {
			d.Outside++
		}
	}
	d.Expected, d.PValue = r.drift.Outside(), 1
	if len(pictures) > 0 {
		d.Distance, d.PValue = r.drift.Batch(ratios)
	}
	d.Drifted = d.PValue < run.Significance
	d.Note = fmt.Sprintf("Range ratios (pictures: %d) against %s: distance %.2g, p = %.2g (Kolmogorov-Smirnov; "+
		"drift is said below %g); %d are outside by themselves, where %.2g %% are expected",
		d.Pictures, r.reference(), d.Distance, d.PValue, run.Significance, d.Outside, 100*d.Expected)
	return d
}

// Summary is a prediction for people and for JSON: its likeliest classes.
type Summary struct {
	Class         string       `json:"class"`
	Label         int          `json:"label"`
	Confidence    float64      `json:"confidence"`
	Top           []TopClass   `json:"top"` // likeliest first
	Range         float64      `json:"logit_range"`
	ZeroShotRange float64      `json:"zero_shot_range"`
	RangeRatio    float64      `json:"range_ratio"`
	Drift         DriftSummary `json:"drift"`
	Set           *Set         `json:"set,omitempty"` // where a coverage is asked for
}

// TopClass is one class of a [Summary], with its probability under the model as
// it was, after adaptation, and after the remedy.
type TopClass struct {
	Class      string  `json:"class"`
	Label      int     `json:"label"`
	ZeroShot   float64 `json:"zero_shot"`
	Adapted    float64 `json:"adapted"`
	Confidence float64 `json:"confidence"`
}

// DriftSummary is a [Drift] for JSON; Drifted is nil where it is not known.
type DriftSummary struct {
	Drifted *bool  `json:"drifted"`
	Note    string `json:"note"`
}

// Summarize returns the n likeliest classes of a prediction, or all there are.
func (r *Run) Summarize(p Prediction, n int) (Summary, error) {
	s := Summary{Class: p.Class, Label: p.Label, Confidence: p.Confidence, Range: p.Range,
		ZeroShotRange: p.ZeroShotRange, RangeRatio: p.RangeRatio, Drift: DriftSummary{Note: p.Drift.Note}, Set: p.Set}
	if p.Drift.Known {
		s.Drift.Drifted = &p.Drift.Drifted
	}
	adapted, err := softmax(p.Adapted)
	if err != nil {
		return s, err
	}
	zeroShot, err := softmax(p.ZeroShot)
	if err != nil {
		return s, err
	}
	order := make([]int, len(p.Probabilities))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.Probabilities[b], p.Probabilities[a]) })
	for _, k := range order[:min(max(n, 1), len(order))] {
		s.Top = append(s.Top, TopClass{r.classes[k], k, zeroShot[k], adapted[k], p.Probabilities[k]})
	}
	return s, nil
}
