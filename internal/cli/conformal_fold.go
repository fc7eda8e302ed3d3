package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/logitfile"
)

// conformalInput is what was opened, and what is to be said about it.
type conformalInput struct {
	rowInput
	classes     int
	samples     int // measured, of one split
	calibration int // of one split
}

// conformalResult are the sets of one score.
type conformalResult struct {
	score     string
	threshold float64
	unassured []int
	sets      [][]int
	figures   []calib.SetFigures // one a split; none without labels
	meanSize  float64
}

// fromFold calibrates on a fold of its own.
func (f conformalFlags) fromFold(ctx context.Context, in *conformalInput) ([]conformalResult, error) {
	var err error
	if in.logits, err = f.matrix(ctx, &in.rowInput, "--logits", f.logits, logitfile.Logits); err != nil {
		return nil, err
	}
	fold, err := f.matrix(ctx, &in.rowInput, "--cal-logits", f.calLogits, logitfile.FitLogits)
	if err != nil {
		return nil, err
	}
	in.samples, in.classes = in.logits.Shape()
	var k int
	if in.calibration, k = fold.Shape(); k != in.classes {
		return nil, fmt.Errorf("--cal-logits %s: %d classes, but --logits has %d; both must hold the same classes",
			f.calLogits, k, in.classes)
	}
	labels, err := readLabels(ctx, "--cal-labels", f.calLabels, logitfile.FitLabels, fold)
	if err != nil {
		return nil, err
	}
	if f.labels != "" {
		if in.labels, err = readLabels(ctx, "--labels", f.labels, logitfile.Labels, in.logits); err != nil {
			return nil, err
		}
		if err := in.noteRepeats("--logits " + f.logits); err != nil {
			return nil, err
		}
	}
	if err := separate(fold, in.logits, f.calLogits, f.logits, "--cal-logits", &in.rowInput); err != nil {
		if isOverlap(err) {
			return nil,
				usagef("%w: no coverage can be promised for samples that were calibrated on; give another fold, or "+
					"--splits", err)
		}
		return nil, err
	}
	var out []conformalResult
	fold, test, err := f.transported(fold, in.logits, labels)
	if err != nil {
		return nil, err
	}
	if out, err = f.all(f.seed, fold, test, labels, in.labels); err != nil {
		return nil, err
	}
	f.noteUnassured(in, out[0])
	return out, nil
}

// transported applies conf-ot.
func (f conformalFlags) transported(fold, test calib.Rows, labels []int) (calib.Rows, calib.Rows, error) {
	if f.method != "conf-ot" {
		return fold, test, nil
	}
	a, b, err := calib.ConfOT(fold, test, labels, calib.TransportOptions{Epsilon: f.epsilon,
		Iterations: f.iterations, Uniform: f.marginal == "uniform"})
	if err != nil {
		return nil, nil, fmt.Errorf("conf-ot: %w (--marginal, --epsilon)", err)
	}
	return calib.LogRows(a), calib.LogRows(b), nil
}

// all makes the sets of all scores from one fold.
func (f conformalFlags) all(seed uint64, fold, test calib.Rows, foldLabels, labels []int) ([]conformalResult, error) {
	return f.of(f.scores, seed, fold, test, foldLabels, labels)
}

// of makes the sets of some scores from one fold.
func (f conformalFlags) of(scores []string, seed uint64, fold, test calib.Rows, foldLabels,
	labels []int) (out []conformalResult, err error) {
	var opts []calib.ConformalOptions
	for _, score := range scores {
		opts = append(opts, f.options(score, seed))
	}
	fits, err := calib.FitConformals(fold, foldLabels, opts...)
	if err != nil {
		return nil, fmt.Errorf("calibration fold: %w", err)
	}
	sets, err := calib.ConformalSets(test, fits...)
	if err != nil {
		return nil, err
	}
	for j, c := range fits {
		r := conformalResult{score: scores[j], threshold: c.Threshold, unassured: c.Unassured, sets: sets[j]}
		if err := f.measure(&r, c.Classes, labels); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// measure compares the sets with labels, where there are any.
func (f conformalFlags) measure(r *conformalResult, classes int, labels []int) error {
	r.meanSize = 0
	for _, set := range r.sets {
		r.meanSize += float64(len(set)) / float64(len(r.sets))
	}
	if labels == nil {
		return nil
	}
	figures, err := calib.EvaluateSets(r.sets, labels, classes, f.coverage)
	r.figures = append(r.figures, figures)
	return err
}

func (f conformalFlags) noteUnassured(in *conformalInput, r conformalResult) {
	switch {
	case len(r.unassured) == 0:
	case f.byClass:
		in.notes = append(in.notes,
			fmt.Sprintf("%d of %d classes, as class %d, have too few calibration samples for a threshold of their own and "+
				"are in every set",
				len(r.unassured), in.classes, r.unassured[0]))
	default:
		in.notes = append(in.notes,
			fmt.Sprintf("%d of %d classes, as class %d, have no calibration sample: the coverage is promised over all "+
				"classes, not for these",
				len(r.unassured), in.classes, r.unassured[0]))
	}
}

// overSplits draws the fold from the measured samples, many times.
func (f conformalFlags) overSplits(ctx context.Context, in *conformalInput) ([]conformalResult, error) {
	opened, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	in.rowInput = *opened
	if err := in.parted("--splits"); err != nil {
		return nil, err
	}
	_, in.classes = in.logits.Shape()
	// Rows are picked again and again.
	all, err := calib.Collect(in.logits)
	if err != nil {
		return nil, fmt.Errorf("--logits %s: %w", f.logits, err)
	}
	out := make([]conformalResult, len(f.scores))
	for split := range f.splits {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seed := f.seed + uint64(split)
		first, second, err := calib.SplitStratified(in.labels, f.calFraction, seed)
		if err != nil {
			return nil, err
		}
		if len(first) == 0 || len(second) == 0 {
			return nil, usagef("--cal-fraction %g of %d samples leaves a fold empty", f.calFraction, len(in.labels))
		}
		in.calibration, in.samples = len(first), len(second)
		chosen := rowInput{logits: all, labels: in.labels}
		fold, foldLabels, err := choose(&chosen, first)
		if err != nil {
			return nil, err
		}
		test, labels, err := choose(&chosen, second)
		if err != nil {
			return nil, err
		}
		if fold, test, err = f.transported(fold, test, foldLabels); err != nil {
			return nil, err
		}
		drawn, err := f.all(seed, fold, test, foldLabels, labels)
		if err != nil {
			return nil, err
		}
		for j, r := range drawn {
			out[j].score = r.score
			out[j].figures = append(out[j].figures, r.figures...)
			if split == 0 {
				out[j].unassured = r.unassured
			}
		}
	}
	f.noteUnassured(in, out[0])
	return out, nil
}

// writeSets writes a line per sample: its row, the label where known, the size
// and the classes, the most probable first.
func writeSets(path string, sets [][]int, labels []int) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		c := csv.NewWriter(w)
		head := []string{"row", "size", "classes"}
		if labels != nil {
			head = slices.Insert(head, 1, "label")
		}
		c.Write(head)
		for i, set := range sets {
			words := make([]string, len(set))
			for j, k := range set {
				words[j] = strconv.Itoa(k)
			}
			line := []string{strconv.Itoa(i), strconv.Itoa(len(set)), strings.Join(words, " ")}
			if labels != nil {
				line = slices.Insert(line, 1, strconv.Itoa(labels[i]))
			}
			c.Write(line)
		}
		c.Flush()
		return c.Error()
	})
}
