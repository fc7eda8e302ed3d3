package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/logitfile"
)

// savedShape is of how many samples and classes results are, and of which result
// it is known.
type savedShape struct {
	samples, classes int
	at               string
}

// alike refuses a saved result that has other numbers of samples or classes than
// one of the same set before it: their figures do not belong into one column.
func (found *paperFound) alike(d dump, p calib.Predictions) error {
	shape := savedShape{p.Samples(), p.Classes(), d.at}
	if found.shapes == nil {
		found.shapes = map[string]savedShape{}
	}
	first, ok := found.shapes[d.set]
	if !ok {
		found.shapes[d.set] = shape
		return nil
	}
	if first.samples != shape.samples || first.classes != shape.classes {
		return fmt.Errorf("%s: %s has %d samples of %d classes, and in %s %d of %d: results of a set must be of the same "+
			"pictures and classes", d.at, d.set, shape.samples, shape.classes, first.at, first.samples, first.classes)
	}
	return nil
}

// oneOrder refuses zero-shot logits that are said elsewhere to have other labels
// than a result has: the rows of the two are not of the same pictures then.
func oneOrder(ctx context.Context, dumps []dump, d dump, zeroShot string) error {
	for _, o := range dumps {
		if o.logits != zeroShot || o.labels == d.labels {
			continue
		}
		theirs, err := logitfile.ReadLabels(ctx, o.labels, logitfile.Labels)
		if err != nil {
			return err
		}
		own, err := logitfile.ReadLabels(ctx, d.labels, logitfile.Labels)
		if err != nil {
			return err
		}
		if !slices.Equal(own, theirs) {
			return fmt.Errorf("%s cannot be scaled to %s: their labels, %s and %s (%s), differ, so the rows are not of the "+
				"same pictures in one order", d.logits, zeroShot, d.labels, o.labels, o.at)
		}
	}
	return nil
}

// unused names the saved results that no row of the table took, "" if there is none.
func unused(dumps []dump, used map[int]bool) string {
	var left []string
	for i, d := range dumps {
		if !used[i] {
			left = append(left, fmt.Sprintf("%s (%s, %s, %s, %s)", d.at, d.model, d.method, d.remedy, d.set))
		}
	}
	if len(left) == 0 {
		return ""
	}
	more := ""
	if len(left) > 5 {
		more = fmt.Sprintf(" and %d more", len(left)-5)
		left = left[:5]
	}
	return fmt.Sprintf("%d of %d saved results are in no row of this table: %s%s", len(dumps)-len(used), len(dumps),
		strings.Join(left, "; "), more)
}
