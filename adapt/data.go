package adapt

import (
	"errors"
	"fmt"
)

// Data is a few-shot training set as features, and the text prototypes of its
// classes.
type Data struct {
	// Features are image features [Views*N, D] as the image tower gives them,
	// not normalised. Row v*N+i is view v of sample i: the views of augmented
	// passes follow one another.
	Features Matrix
	// Labels holds the class of every row of Features, or of the N samples.
	Labels []int
	// Prototypes are the text features of the classes [K, D], not normalised.
	Prototypes Matrix
	// Views is the number of augmented views of every sample; 0 means 1.
	Views int
	// LogitScale is the factor of the cosine in the model that the features are
	// of, Config.Scale of its checkpoint. [Options.LogitScale] takes precedence;
	// one of the two must be set, since a wrong one gives wrong confidences.
	LogitScale float64
}

func (d Data) views() int { return max(d.Views, 1) }

// samples is the number of images, not counting views.
func (d Data) samples() int { return d.Features.Rows / d.views() }

func (d Data) classes() int { return d.Prototypes.Rows }

func (d Data) width() int { return d.Features.Cols }

// label returns the class of row i.
func (d Data) label(i int) int { return d.Labels[i%len(d.Labels)] }

// check reports what makes d unfit for training.
func (d Data) check() error {
	if err := checkPrototypes(d.Prototypes, d.Features); err != nil {
		return err
	}
	if d.Views < 0 || d.Features.Rows%d.views() != 0 {
		return fmt.Errorf("features: %d rows are not %d views of every sample", d.Features.Rows, d.Views)
	}
	if n := len(d.Labels); n != d.Features.Rows && n != d.samples() {
		return fmt.Errorf("labels: %d labels for %d samples in %d views", n, d.samples(), d.views())
	}
	for i, y := range d.Labels {
		if y < 0 || y >= d.classes() {
			return fmt.Errorf("labels: label %d at row %d is outside 0 to %d (there are %d prototypes)", y, i,
				d.classes()-1, d.classes())
		}
	}
	for i := range d.Labels {
		if a, b := d.Labels[i], d.Labels[i%d.samples()]; a != b {
			return fmt.Errorf("labels: row %d has label %d, but the same sample in its first view has %d", i, a, b)
		}
	}
	if d.samples() < d.classes() {
		return fmt.Errorf("%d samples for %d classes: at least one sample for each class is needed", d.samples(),
			d.classes())
	}
	return nil
}

// checkPrototypes checks prototypes against the features they classify.
func checkPrototypes(prototypes, features Matrix) error {
	if err := features.check("features"); err != nil {
		return err
	}
	if err := prototypes.check("prototypes"); err != nil {
		return err
	}
	if prototypes.Cols != features.Cols {
		return fmt.Errorf("features are %d wide, prototypes %d: they come from different models", features.Cols,
			prototypes.Cols)
	}
	return errors.Join(features.directed("features"), prototypes.directed("prototypes"))
}
