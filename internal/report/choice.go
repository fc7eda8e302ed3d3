package report

import (
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/table"
)

// accuracyAllowance is what a remedy may cost in accuracy on the validation
// fold and still be chosen.
const accuracyAllowance = table.AccuracyAllowance

// choose names the remedy of a method by its validation fold alone: the lowest
// ECE among those that keep the accuracy there, none included; "" is none. It
// says ok only where every remedy has been measured on that fold.
func (g results) choose(method string) (remedy string, ok bool) {
	base, ok := g.validation(rowKey{method, ""}, accuracy)
	lowest, measured := g.validation(rowKey{method, ""}, ece)
	remedies := g.remedies(method)
	if !ok || !measured || len(remedies) == 0 {
		return "", false
	}
	for _, r := range remedies {
		acc, ok1 := g.validation(rowKey{method, r}, accuracy)
		e, ok2 := g.validation(rowKey{method, r}, ece)
		if !ok1 || !ok2 {
			return "", false
		}
		if acc >= base-accuracyAllowance && e < lowest {
			remedy, lowest = r, e
		}
	}
	return remedy, true
}

// validation is a row's mean over seeds on the validation fold; ok is false
// where a seed has none.
func (g results) validation(key rowKey, value func(calib.Metrics) float64) (mean float64, ok bool) {
	seen := map[int]bool{}
	for _, target := range g.targets {
		c := g.at(key, target)
		if c == nil {
			continue
		}
		for _, r := range c.runs {
			if seen[r.Seed] {
				continue
			}
			if r.Validation == nil {
				return 0, false
			}
			seen[r.Seed] = true
			mean += value(*r.Validation)
		}
	}
	return mean / float64(max(len(seen), 1)), len(seen) > 0
}

// choiceRule says how the remedy of the last tile was chosen.
func choiceRule() string {
	return fmt.Sprintf("chosen on the source's validation fold: lowest ECE at %g point of accuracy or less",
		100*accuracyAllowance)
}
