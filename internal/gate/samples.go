package gate

import (
	"fmt"
	"slices"

	"clipcalib/calib"
)

// Samples is what samples are known by, whatever they are called: the SHA-256 of their
// pictures, and their logits. Either may be missing.
type Samples struct {
	Pictures []string // of all samples
	Rows     *Sketch
}

// SamplesOf are the samples that a calibrator says it was fitted on.
func SamplesOf(f calib.Fold) (s Samples, err error) {
	s.Pictures = f.Pictures
	if f.RowSketch != nil {
		if s.Rows, err = OpenSketch(f.RowSketch); err != nil {
			return s, fmt.Errorf("the calibrator is damaged: %w", err)
		}
	}
	return s, nil
}

// Common is what [Samples.Common] found.
type Common struct {
	N, Of int // of the samples measured
	// ByPicture says that pictures were compared, ByLogits that logits were: those of
	// one model alone can tell. Neither is where nothing is known.
	ByPicture, ByLogits bool
}

// Many says that they are more than the true duplicates that sets have.
func (c Common) Many() bool { return 100*c.N > c.Of }

// Common counts those of the samples measured that are among s.
func (s Samples) Common(measured Samples) (c Common) {
	if c.Of = len(measured.Pictures); measured.Rows != nil {
		c.Of = measured.Rows.len()
	}
	if s.known() && measured.known() {
		c.ByPicture = true
		fitted := map[string]bool{}
		for _, p := range s.Pictures {
			fitted[p] = true
		}
		for _, p := range measured.Pictures {
			if fitted[p] {
				c.N++
			}
		}
	}
	if s.Rows != nil && measured.Rows != nil && s.Rows.classes == measured.Rows.classes {
		c.ByLogits = true
		c.N = max(c.N, measured.Rows.Shared(s.Rows))
	}
	return c
}

func (s Samples) known() bool { return len(s.Pictures) > 0 && !slices.Contains(s.Pictures, "") }
