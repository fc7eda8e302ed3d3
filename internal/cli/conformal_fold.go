package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
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
		return nil, fmt.Errorf("--cal-logits %s: %d classes, but --logits has %d; both must hold the same classes", f.calLogits, k, in.classes)
	}
	labels, err := readLabels(ctx, "--cal-labels", f.calLabels, logitfile.FitLabels, fold)
	if err != nil {
		return nil, err
	}
	if f.labels != "" {
		if in.labels, err = readLabels(ctx, "--labels", f.labels, logitfile.Labels, in.logits); err != nil {
			return nil, err
		}
	}
	if err := separate(fold, in.logits, "--cal-logits", &in.rowInput); err != nil {
		if isOverlap(err) {
			return nil, usagef("%w: no coverage can be promised for samples that were calibrated on; give another fold, or --splits", err)
		}
		return nil, err
	}
	var out []conformalResult
	fold, test, err := f.transported(fold, in.logits, labels)
	if err != nil {
		return nil, err
	}
	for _, score := range f.scores {
		r, err := f.one(score, f.seed, fold, test, labels, in.labels)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	f.noteUnassured(in, out[0])
	return out, nil
}

// transported applies conf-ot.
func (f conformalFlags) transported(fold, test calib.Rows, labels []int) (calib.Rows, calib.Rows, error) {
	if f.method != "conf-ot" {
		return fold, test, nil
	}
	a, b, err := calib.ConfOT(fold, test, labels, calib.TransportOptions{Epsilon: f.epsilon, Iterations: f.iterations, Uniform: f.marginal == "uniform"})
	if err != nil {
		return nil, nil, fmt.Errorf("conf-ot: %w (--marginal, --epsilon)", err)
	}
	return logarithms(a), logarithms(b), nil
}

// logarithms shows probabilities as logits; one that vanished stays the least.
func logarithms(m calib.Matrix) calib.Rows {
	return calib.MapRows(m, func(_ int, row []float64) {
		for k, p := range row {
			row[k] = math.Log(max(p, math.SmallestNonzeroFloat64))
		}
	})
}

// one makes the sets of one score from one fold.
func (f conformalFlags) one(score string, seed uint64, fold, test calib.Rows, foldLabels, labels []int) (r conformalResult, err error) {
	c, err := calib.FitConformal(fold, foldLabels, f.options(score, seed))
	if err != nil {
		return r, fmt.Errorf("calibration fold: %w", err)
	}
	r = conformalResult{score: score, threshold: c.Threshold, unassured: c.Unassured}
	if r.sets, err = c.Sets(test); err != nil {
		return r, err
	}
	return r, f.measure(&r, c.Classes, labels)
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
		in.notes = append(in.notes, fmt.Sprintf("%d of %d classes, as class %d, have too few calibration samples for a threshold of their own and are in every set",
			len(r.unassured), in.classes, r.unassured[0]))
	default:
		in.notes = append(in.notes, fmt.Sprintf("%d of %d classes, as class %d, have no calibration sample: the coverage is promised over all classes, not for these",
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
		for j, score := range f.scores {
			r, err := f.one(score, seed, fold, test, foldLabels, labels)
			if err != nil {
				return nil, err
			}
			out[j].score = score
			out[j].figures = append(out[j].figures, r.figures...)
			if split == 0 {
				out[j].unassured = r.unassured
			}
		}
	}
	f.noteUnassured(in, out[0])
	return out, nil
}

// fromFeatures adapts prototypes, then calibrates.
func (f conformalFlags) fromFeatures(ctx context.Context, in *conformalInput) ([]conformalResult, error) {
	role := logitfile.Role{"features"}
	test, err := collectFeatures(ctx, "--features", f.features, role)
	if err != nil {
		return nil, err
	}
	fold, err := collectFeatures(ctx, "--cal-features", f.calFeatures, role)
	if err != nil {
		return nil, err
	}
	textSpec := f.text
	if textSpec == "" {
		textSpec = f.calFeatures
	}
	prototypes := logitfile.Role{"text_features"}
	text, err := collectFeatures(ctx, "--text-features", textSpec, prototypes)
	if err != nil && f.text == "" {
		text, err = collectFeatures(ctx, "--text-features", f.features, prototypes)
	}
	if err != nil {
		return nil, err
	}
	in.samples, in.calibration, in.classes = test.N, fold.N, text.N
	labels, err := readLabels(ctx, "--cal-labels", or(f.calLabels, f.calFeatures), logitfile.FitLabels, calib.Matrix{N: fold.N, K: text.N})
	if err != nil {
		return nil, err
	}
	if f.labels != "" {
		if in.labels, err = readLabels(ctx, "--labels", f.labels, logitfile.Labels, calib.Matrix{N: test.N, K: text.N}); err != nil {
			return nil, err
		}
	}
	if err := separate(fold, test, "--cal-features", &in.rowInput); err != nil {
		if isOverlap(err) {
			return nil, usagef("%s: no coverage can be promised for samples that were calibrated on", strings.Replace(err.Error(), "--logits", "--features", 1))
		}
		return nil, err
	}
	var out []conformalResult
	for _, score := range f.scores {
		r := conformalResult{score: score}
		if f.method == "full" {
			r.sets, err = calib.FullConformal(fold, labels, text, f.logitScale, test, f.options(score, f.seed))
			if err == nil {
				err = f.measure(&r, text.N, in.labels)
			}
		} else {
			r, err = f.ssText(score, in, fold, labels, text, test)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	f.noteUnassured(in, out[0])
	return out, nil
}

// ssText adapts on one part of the fold and calibrates on the other: samples
// that adapted are no longer like new ones.
func (f conformalFlags) ssText(score string, in *conformalInput, fold calib.Matrix, labels []int, text, test calib.Matrix) (r conformalResult, err error) {
	adapting, calibrating, err := calib.SplitStratified(labels, f.adaptFraction, f.seed)
	if err != nil {
		return r, err
	}
	if len(adapting) == 0 || len(calibrating) == 0 {
		return r, usagef("--adapt-fraction %g of %d samples leaves a part empty", f.adaptFraction, len(labels))
	}
	in.calibration = len(calibrating)
	whole := rowInput{logits: fold, labels: labels}
	part := func(index []int) (calib.Matrix, []int, error) {
		rows, own, err := choose(&whole, index)
		if err != nil {
			return calib.Matrix{}, nil, err
		}
		m, err := calib.Collect(rows)
		return m, own, err
	}
	first, firstLabels, err := part(adapting)
	if err != nil {
		return r, err
	}
	second, secondLabels, err := part(calibrating)
	if err != nil {
		return r, err
	}
	w, err := calib.SSText(first, firstLabels, text, f.logitScale)
	if err != nil {
		return r, err
	}
	a, err := calib.CosineLogits(second, w, f.logitScale)
	if err != nil {
		return r, err
	}
	b, err := calib.CosineLogits(test, w, f.logitScale)
	if err != nil {
		return r, err
	}
	return f.one(score, f.seed, a, b, secondLabels, in.labels)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func collectFeatures(ctx context.Context, flag, spec string, role logitfile.Role) (calib.Matrix, error) {
	m, err := logitfile.Open(ctx, spec, role)
	if err != nil {
		return calib.Matrix{}, fmt.Errorf("%s: %w", flag, err)
	}
	defer m.Close()
	all, err := calib.Collect(m)
	if err != nil {
		return calib.Matrix{}, fmt.Errorf("%s %s: %w", flag, spec, err)
	}
	return all, nil
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
