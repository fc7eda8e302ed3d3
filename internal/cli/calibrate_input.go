package cli

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/gate"
	"clipcalib/internal/logitfile"

	"github.com/spf13/cobra"
)

// rowFlags are the logits and labels of a command that takes those of any
// model.
type rowFlags struct {
	logits, labels string
	probabilities  bool
	asked          bool // --probabilities was given, with true or false
}

func (f *rowFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.logits, "logits", "", "logits to measure [N, K]")
	fl.StringVar(&f.labels, "labels", "", "labels, indices of classes from 0 [N]")
	fl.BoolVar(&f.probabilities, "probabilities", false,
		"the files hold probabilities, not logits (=false: they are logits, whatever they look like)")
}

// rowInput is what was opened.
type rowInput struct {
	logits calib.Rows
	labels []int
	notes  []string
	files  []*logitfile.Matrix

	repeats gate.Repeats // among the rows of logits
}

func (in *rowInput) close() {
	for _, f := range in.files {
		f.Close()
	}
}

// open opens the logits and reads the labels.
func (f rowFlags) open(ctx context.Context) (*rowInput, error) {
	in := &rowInput{}
	var err error
	if in.logits, err = f.matrix(ctx, in, "--logits", f.logits, logitfile.Logits); err == nil {
		in.labels, err = readLabels(ctx, "--labels", f.labels, logitfile.Labels, in.logits)
	}
	if err == nil {
		err = in.noteRepeats("--logits " + f.logits)
	}
	if err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

// noteRepeats says that rows occur several times: each counts, and intervals take them
// for as many samples.
func (in *rowInput) noteRepeats(what string) (err error) {
	if in.repeats, err = gate.RepeatsIn(in.logits, in.labels); err != nil || in.repeats.N == 0 {
		return err
	}
	r := in.repeats
	note := fmt.Sprintf("%s: %d of the %d rows occur before, as row %d does: each counts as a sample", what, r.N, r.Of,
		r.First)
	if r.Rounded {
		note += "; the numbers are rounded, so that they may be of different pictures"
	}
	if r.Unlike > 0 {
		note += fmt.Sprintf("; %d have another label there", r.Unlike)
	}
	in.notes = append(in.notes, note)
	return nil
}

// parted refuses to part rows by chance into some that are fitted on and some that are
// measured, where a sample would be in both.
func (in *rowInput) parted(flag string) error {
	if r := in.repeats; r.Many() {
		return usagef("%s: %d of the %d rows of --logits occur before, as row %d does, so that samples would be fitted on and "+
			"measured: leave out repeats", flag, r.N, r.Of, r.First)
	}
	return nil
}

// matrix opens logits and passes them through the gate.
func (f rowFlags) matrix(ctx context.Context, in *rowInput, flag, spec string, role logitfile.Role) (calib.Rows,
	error) {
	m, err := logitfile.Open(ctx, spec, role)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	in.files = append(in.files, m)
	for _, n := range m.Notes {
		in.notes = append(in.notes, fmt.Sprintf("%s %s: %s", flag, spec, n))
	}
	if n, k := m.Shape(); n == 0 || k == 0 {
		return nil, fmt.Errorf("%s %s: logits of shape [%d, %d]: %w", flag, spec, n, k, calib.ErrEmpty)
	}
	if _, k := m.Shape(); k == 1 {
		return nil, fmt.Errorf("%s %s: logits of one class, shape [N, 1]: every prediction is that class, so nothing "+
			"can be measured; a column for each class is wanted", flag, spec)
	}
	if f.probabilities {
		if err := gate.CheckProbabilities(m); err != nil {
			return nil, fmt.Errorf("%s %s, with --probabilities: %w", flag, spec, err)
		}
		return gate.LogProbabilities(m), nil
	}
	if f.asked { // --probabilities=false
		return m, nil
	}
	form, err := gate.Look(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	switch form {
	case gate.Probabilities:
		return nil, usagef("%s %s: every row lies within 0 and 1 and adds up to 1: these look like probabilities, not "+
			"logits; say --probabilities (or --probabilities=false if they are logits)", flag, spec)
	case gate.Percentages:
		return nil, usagef("%s %s: every row adds up to 100: these look like percentages; divide by 100 and say "+
			"--probabilities (or --probabilities=false if they are logits)", flag, spec)
	case gate.Cosines:
		in.notes = append(in.notes,
			fmt.Sprintf("%s %s: all values lie within -1 and 1, as cosine similarities do; CLIP's logits are these times "+
				"exp(logit_scale), about 100", flag, spec))
	}
	return m, nil
}

// readLabels reads the labels of logits and checks that they fit them.
func readLabels(ctx context.Context, flag, spec string, role logitfile.Role, logits calib.Rows) ([]int, error) {
	labels, err := logitfile.ReadLabels(ctx, spec, role)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	n, k := logits.Shape()
	if len(labels) != n {
		return nil, fmt.Errorf("%s %s: %d labels for %d rows of logits", flag, spec, len(labels), n)
	}
	for i, y := range labels {
		if y < 0 || y >= k {
			return nil, fmt.Errorf("%s %s: label %d at row %d is outside 0 to %d", flag, spec, y, i, k-1)
		}
	}
	return labels, nil
}

// separate refuses a fold that holds samples of those that are measured. A few
// of many may be true duplicates, and are said.
// Samples are known by their pictures, where both are files of evaluations, and by
// their logits.
func separate(fold, measured calib.Rows, foldSpec, spec, foldFlag string, in *rowInput) error {
	shared, err := sharedSamples(fold, measured, foldSpec, spec)
	if err != nil || shared == 0 {
		return err
	}
	of, err := sharedSamples(measured, fold, spec, foldSpec)
	if err != nil {
		return err
	}
	n, _ := fold.Shape()
	if m, _ := measured.Shape(); 100*shared > n || 100*of > m { // a large fold may hold all that is measured
		return errOverlap{shared, n, foldFlag}
	}
	in.notes = append(in.notes, fmt.Sprintf("%d of the %d rows of %s are also among those of --logits", shared,
		n, foldFlag))
	return nil
}

// sharedSamples counts the samples of fold that are among those of measured.
func sharedSamples(fold, measured calib.Rows, foldSpec, spec string) (int, error) {
	byLogits, err := gate.Shared(fold, measured)
	if err != nil {
		return 0, err
	}
	n, _ := fold.Shape()
	m, _ := measured.Shape()
	var a, b gate.Samples
	if a.Pictures, err = picturesOf(foldSpec, n); err != nil {
		return 0, err
	}
	if b.Pictures, err = picturesOf(spec, m); err != nil {
		return 0, err
	}
	return max(byLogits, b.Common(a).N), nil
}

type errOverlap struct {
	shared, of int
	flag       string
}

func (e errOverlap) Error() string {
	return fmt.Sprintf("%d of the %d rows of %s are also among those of --logits", e.shared, e.of, e.flag)
}

func isOverlap(err error) bool {
	var e errOverlap
	return errors.As(err, &e)
}
