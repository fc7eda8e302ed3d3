package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/data"
	"clipcalib/internal/pretrain"
	"clipcalib/internal/regular"
	"clipcalib/text"
	"clipcalib/vit"

	"github.com/spf13/cobra"
)

// validateFlags say what a model in training is measured on.
type validateFlags struct {
	data, template, names string
	every                 int
}

func (f *validateFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.data, "validate", "", "labelled data set to measure zero-shot while training, its val part "+
		"where it has parts")
	fl.StringVar(&f.template, "validate-template", "", "prompt with {} for the class name (default: the data set's "+
		`own, else "a photo of a {}.")`)
	fl.StringVar(&f.names, "validate-class-names", "", "file of its class names, one a line")
	fl.IntVar(&f.every, "validate-every", 200, "steps between measurements")
}

func (f validateFlags) check() error {
	switch {
	case f.every < 1:
		return usagef("--validate-every wants at least 1")
	case f.data == "" && (f.template != "" || f.names != ""):
		return usagef("--validate-template and --validate-class-names want a data set: name it with --validate")
	}
	return nil
}

// zeroShotCurve is a fold held on the processor, and the file of its figures.
type zeroShotCurve struct {
	validateFlags
	probe pretrain.Probe
	path  string
	text  strings.Builder
}

const zeroShotHead = "step,loss,accuracy,ece,scale\n"

// openValidation reads the fold, nil if none is asked for. One with a picture that
// cannot be read is refused, since every line would be of fewer pictures.
func (a *app) openValidation(f validateFlags, path string, size int) (*zeroShotCurve, error) {
	if f.data == "" {
		return nil, nil
	}
	set, err := a.load(sourceFlags{names: f.names}, f.data, "val")
	if err != nil {
		return nil, err
	}
	v := &zeroShotCurve{validateFlags: f, path: path, probe: pretrain.Probe{Name: set.Name, Classes: set.Classes,
		Template: f.template}}
	if f.template == "" {
		v.probe.Template, _ = text.TemplateFor(set.Name)
	}
	crop := vit.NewPreprocessor(size)
	for _, it := range set.Items {
		rgb, err := cropped(crop, it, size)
		if err != nil {
			return nil, err
		}
		v.probe.Images, v.probe.Labels = append(v.probe.Images, rgb), append(v.probe.Labels, it.Label)
	}
	a.note("%s: %v", set.Name, set.Account())
	return v, nil
}

// cropped is a picture's view as encoders see it, three bytes a pixel.
func cropped(p vit.Preprocessor, it data.Item, size int) ([]byte, error) {
	img, err := it.Image()
	if err != nil {
		return nil, err
	}
	view, err := p.Crop(img)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", it.Path, err)
	}
	rgb := make([]byte, 0, 3*size*size)
	for y := range size {
		row := view.Pix[y*view.Stride:]
		for x := range size {
			rgb = append(rgb, row[4*x:4*x+3]...)
		}
	}
	return rgb, nil
}

// begin keeps the lines of an earlier part of the run.
func (v *zeroShotCurve) begin(a *app, t *pretrain.Trainer) error {
	if v == nil {
		return nil
	}
	unseen, err := t.Unseen(v.probe)
	if err != nil {
		return err
	}
	if len(unseen) > 0 {
		a.note("%s: %d tokens of its prompts occur in no caption: %s", v.probe.Name, len(unseen),
			strings.Join(unseen, " "))
	}
	v.text.WriteString(zeroShotHead)
	raw, err := regular.ReadFile(v.path)
	if t.Step() == 0 || os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	lines, err := upTo(t.Step(), string(raw))
	if err != nil {
		return fmt.Errorf("%s: %w: move the file away", v.path, err)
	}
	v.text.WriteString(lines)
	return nil
}

// upTo are the lines of a curve up to a step, without its head.
func upTo(step int, curve string) (string, error) {
	lines, ok := strings.CutPrefix(curve, zeroShotHead)
	if !ok {
		return "", fmt.Errorf("its first line is not %q", strings.TrimSpace(zeroShotHead))
	}
	var kept strings.Builder
	for line := range strings.Lines(lines) {
		first, _, _ := strings.Cut(line, ",")
		at, err := strconv.Atoi(first)
		if err != nil {
			return "", fmt.Errorf("step %q is no number", first)
		}
		if at <= step {
			kept.WriteString(line)
		}
	}
	return kept.String(), nil
}

// measure adds a line after the steps that have one.
func (v *zeroShotCurve) measure(ctx context.Context, a *app, t *pretrain.Trainer, pt pretrain.Point) error {
	if v == nil || pt.Step%v.every != 0 && pt.Step != t.Recipe.Steps {
		return nil
	}
	m, err := t.ZeroShot(ctx, v.probe)
	if err != nil {
		return err
	}
	a.note("step %d: %s zero-shot accuracy %.1f %%, ECE %.1f %%", pt.Step, v.probe.Name, 100*m.Accuracy, 100*m.ECE)
	fmt.Fprintf(&v.text, "%d,%.6g,%.6g,%.6g,%.6g\n", pt.Step, pt.Loss, m.Accuracy, m.ECE, pt.Scale)
	return atomicfile.WriteBytes(v.path, []byte(v.text.String()))
}
