package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/device"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

// sourceFlags say which model looks at which pictures.
type sourceFlags struct {
	model     modelFlags
	weights   string
	bank      string
	templates []string
	names     string
	imageRoot string
	strict    bool
	truncate  bool

	labelColumn  string
	allowEmpty   bool
	allowNumbers bool
	batch        imageBatch

	keepUnderscores bool // in class names, and so in prompts
	float16         bool // prototypes are rounded to float16
}

func (s *sourceFlags) add(c *cobra.Command) {
	s.model.add(c)
	f := c.Flags()
	f.StringVar(&s.weights, "weights", "", "checkpoint")
	f.StringVar(&s.bank, "bank", "", "folder of the feature bank (default: the user's cache folder)")
	f.StringArrayVar(&s.templates, "template", nil,
		`prompt with {} for the class name; repeat to average (default: the data set's own, else "a photo of a {}.")`)
	f.StringVar(&s.names, "class-names", "", "file of class names, one a line: folder, space and name, as CoOp's "+
		"classnames.txt, or names alone")
	f.StringVar(&s.imageRoot, "image-root", "", "folder that the paths of a split file or list start from")
	f.StringVar(&s.labelColumn, "label-column", "", "column of the labels, for parquet files with several")
	f.BoolVar(&s.allowEmpty, "allow-empty-classes", false, "keep classes without a picture, in place of refusing them")
	f.BoolVar(&s.allowNumbers, "allow-numbered-classes", false,
		"take class names that are numbers or WordNet ids as they are")
	f.BoolVar(&s.strict, "strict", false, "stop at the first picture that cannot be read")
	f.Var(&s.batch, "batch-images", imageBatchUsage)
}

// addTruncate adds the flag for commands that encode prompts of class names.
// Learned prompts stay as they are: there fewer vectors make room.
func (s *sourceFlags) addTruncate(c *cobra.Command) {
	c.Flags().BoolVar(&s.truncate, "truncate", false, "cut prompts of more tokens than CLIP takes, in place of "+
		"refusing them")
}

// open loads the model. The caller closes it.
func (a *app) openSource(s sourceFlags) (*features.Source, error) {
	o, err := s.model.options()
	if err != nil {
		return nil, err
	}
	if s.weights == "" {
		return nil, usagef("--weights is missing: name a checkpoint")
	}
	c, err := weights.OpenCLIP(s.weights, o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	sum, err := c.File().SHA256()
	if err != nil {
		return nil, err
	}
	d, others, err := a.openDevices()
	if err != nil {
		return nil, err
	}
	m, err := clip.New(c, clip.Options{Device: d, Batch: int(s.batch)})
	if err != nil {
		return nil, err
	}
	beside, err := a.encodersOn(c, others, int(s.batch))
	if err != nil {
		m.Close()
		return nil, err
	}
	if s.truncate {
		m.Truncated = a.truncated()
	}
	a.noteModel(c, d.Name())
	src := &features.Source{Model: m, Beside: beside, Weights: run.WeightsIdentity(sum, c), Prefix: c.Prefix,
		NoConfig: o.NoConfig, Precision: d.Precision(), Strict: s.strict, Bank: s.bank, Float16Prototypes: s.float16}
	if src.Bank == "" {
		if src.Bank, err = defaultBank(); err != nil {
			m.Close()
			return nil, err
		}
	}
	src.Skip = func(err error) { fmt.Fprintf(a.err, "skipped: %v\n", err) }
	return src, nil
}

// truncated notes the first of the prompts that are cut.
func (a *app) truncated() func(prompt string) {
	const most = 3
	n := 0
	return func(prompt string) {
		switch n++; {
		case n <= most:
			a.note("cut to %d tokens: %.60q...", text.ContextLength, prompt)
		case n == most+1:
			a.note("more prompts are cut")
		}
	}
}

// noteModel says what was read off a checkpoint and where.
func (a *app) noteModel(c *weights.Checkpoint, device string) {
	cfg := c.Config
	act := cfg.Activation.String()
	if t := cfg.TextActivation(); cfg.HasTexts() && t != cfg.Activation {
		act += ", texts " + t.String()
	}
	a.note("%s, %s (%s); %s", cfg.Architecture(), act, cfg.ActivationReason, device)
	if cfg.HasImages() && cfg.Preprocess != (weights.Preprocess{}) {
		a.note("pictures: %s (%s)", cfg.Preprocess, cfg.PreprocessReason)
	}
	n := 0
	for _, name := range c.Ignored {
		if !weights.IsCounter(name) {
			n++
		}
	}
	if n > 0 {
		a.note("%d tensors are not used (inspect lists them)", n)
	}
}

// openDevice opens the device that the flags name, once; Main closes it.
func (a *app) openDevice() (*device.Device, error) {
	if a.opened != nil {
		return a.opened, nil
	}
	d, err := device.Open(a.deviceOptions())
	if err != nil {
		return nil, err
	}
	a.opened = d
	a.noteChoice(d)
	return d, nil
}

// openDevices is openDevice for commands that encode many pictures, on several
// GPUs where the flags name them: the first does everything else, too.
func (a *app) openDevices() (first *device.Device, others []*device.Device, err error) {
	if !device.Several(a.device) {
		first, err = a.openDevice()
		return first, nil, err
	}
	if a.opened != nil {
		return a.opened, a.others, nil
	}
	ds, err := device.OpenSeveral(a.deviceOptions())
	if err != nil {
		return nil, nil, err
	}
	a.opened, a.others = ds[0], ds[1:]
	a.note("pictures are encoded on %d GPUs", len(ds))
	return a.opened, a.others, nil
}

// encodersOn loads the image tower on further devices; closeDevice closes them.
func (a *app) encodersOn(c *weights.Checkpoint, devices []*device.Device, batch int) (out []*vit.Encoder, err error) {
	for _, d := range devices {
		e, err := vit.NewEncoder(c, vit.Options{Device: d, Batch: batch})
		if err != nil {
			return nil, err
		}
		a.beside = append(a.beside, e)
		out = append(out, e)
	}
	return out, nil
}

// noteChoice says which device auto took, where there was a choice.
func (a *app) noteChoice(d *device.Device) {
	switch auto, passed := device.Chosen(d); {
	case passed != "":
		a.note("device auto takes the processor: %s", passed)
	case auto && d.Kind() != "cpu":
		a.note("device auto takes %s", d.Name())
	}
}

// closeDevice closes what openDevice opened.
func (a *app) closeDevice() error {
	if a.opened == nil {
		return nil
	}
	for _, e := range a.beside {
		e.Close()
	}
	err := a.opened.Close()
	for _, d := range a.others {
		err = errors.Join(err, d.Close())
	}
	return err
}

func (a *app) deviceOptions() device.Options {
	return device.Options{Kind: a.device, Threads: a.threads, Precision: a.precision}
}

func defaultBank() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for the feature bank: %w; name one with --bank", err)
	}
	return filepath.Join(dir, "clipcalib", "bank"), nil
}

// images encodes a set behind a progress display.
func (a *app) images(ctx context.Context, src *features.Source, set *data.Set, v features.Views) (features.Set, error) {
	if out, ok := a.encoded.find(set, v); ok {
		return out, nil
	}
	what := "encode " + set.Name
	if v.Augmented {
		what = fmt.Sprintf("encode %d views of %s", v.Count, set.Name)
	}
	p := a.progress(what, "images", 0)
	src.Progress = p.Update
	out, err := src.Images(ctx, set, v)
	if err != nil {
		return out, err
	}
	if out.Encoded == 0 {
		a.note("%s: %d features from the bank", set.Name, out.Features.Rows)
	} else {
		p.Done()
	}
	a.encoded.keep(set, v, out)
	return out, nil
}

// prompts returns the templates for a set: those asked for, else its own.
func (s sourceFlags) prompts(set *data.Set, compat adapt.Compat) []string {
	if len(s.templates) > 0 {
		return s.templates
	}
	if compat == adapt.CLIPCalib && strings.EqualFold(set.Name, "ImageNet") {
		return text.TemplatesImageNet()
	}
	t, _ := text.TemplateFor(set.Name)
	return []string{t}
}
