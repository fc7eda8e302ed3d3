package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/logitfile"
)

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
	labels, err := readLabels(ctx, "--cal-labels", or(f.calLabels, f.calFeatures), logitfile.FitLabels,
		calib.Matrix{N: fold.N, K: text.N})
	if err != nil {
		return nil, err
	}
	if f.labels != "" {
		if in.labels, err = readLabels(ctx, "--labels", f.labels, logitfile.Labels, calib.Matrix{N: test.N,
			K: text.N}); err != nil {
			return nil, err
		}
	}
	if err := separate(fold, test, f.calFeatures, f.features, "--cal-features", &in.rowInput); err != nil {
		if isOverlap(err) {
			return nil, usagef("%s: no coverage can be promised for samples that were calibrated on",
				strings.Replace(err.Error(), "--logits", "--features", 1))
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
			r.unassured = unlabelled(labels, text.N)
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

// unlabelled are the classes that no label is of.
func unlabelled(labels []int, classes int) (none []int) {
	for k := range classes {
		if !slices.Contains(labels, k) {
			none = append(none, k)
		}
	}
	return none
}

// ssText adapts on one part of the fold and calibrates on the other: samples
// that adapted are no longer like new ones.
func (f conformalFlags) ssText(score string, in *conformalInput, fold calib.Matrix, labels []int, text,
	test calib.Matrix) (r conformalResult, err error) {
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
	all, err := f.of([]string{score}, f.seed, a, b, secondLabels, in.labels)
	if err != nil {
		return r, err
	}
	return all[0], nil
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
