package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/features"
	"clipcalib/internal/npy"
	"clipcalib/internal/run"

	"github.com/spf13/cobra"
)

func zeroshotCommand(a *app) *cobra.Command {
	var s sourceFlags
	var data, out, compat string
	var bins int
	c := &cobra.Command{
		Use:   "zeroshot --weights W --data D",
		Short: "Accuracy and calibration of the unadapted model on a data set",
		Long: `Measures zero-shot classification. Of OpenAI's weights, by hash or name, on one of
the paper's data sets, the published accuracy stands beside it; where the two differ
by more than 0.3 points, what differs here is named: activation, class names, label
order, template, resize.`,
		Example: `  clipcalib zeroshot --weights ViT-B-16.pt --data pets/ --template "a photo of a {}, a type of pet."`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if bins < 1 {
				return usagef("--bins wants at least 1")
			}
			return a.zeroshot(c.Context(), s, data, out, adapt.Compat(compat), calib.Options{Bins: bins})
		},
	}
	s.add(c)
	s.addTruncate(c)
	fl := c.Flags()
	fl.StringVar(&data, "data", "", "data set, its test part where it has parts")
	fl.StringVar(&out, "out", "", "folder for logits.npy, labels.npy and metrics")
	fl.StringVar(&compat, "compat", "textbook", "textbook averages unit features of the prompts, clipcalib plain ones")
	fl.IntVar(&bins, "bins", 10, "bins of ECE, MCE and ACE")
	c.MarkFlagRequired("data")
	completes(c, "compat", string(adapt.Textbook), string(adapt.CLIPCalib))
	return c
}

func (a *app) zeroshot(ctx context.Context, s sourceFlags, data, out string, compat adapt.Compat,
	bins calib.Options) error {
	if out != "" {
		if err := checkOutputFolder(out); err != nil {
			return err
		}
	}
	s.keepUnderscores = compat.KeepsUnderscores()
	set, err := a.load(s, data, "test")
	if err != nil {
		return err
	}
	src, err := a.openSource(s)
	if err != nil {
		return err
	}
	defer src.Model.Close()
	// Class names first: pictures take longer.
	templates := s.prompts(set, compat)
	protos, err := src.Prototypes(ctx, templates, set.Classes, compat)
	if err != nil {
		return err
	}
	feats, err := a.images(ctx, src, set, features.Views{})
	if err != nil {
		return err
	}
	logits, err := src.ZeroShotLogits(ctx, feats.Features, protos)
	if err != nil {
		return err
	}
	m, err := calib.FromFloat32(logits.Rows, logits.Cols, logits.Data)
	if err != nil {
		return err
	}
	metrics, err := calib.Evaluate(m, feats.Labels, bins)
	if err != nil {
		return err
	}
	record := set.Record(feats.Kept, feats.Unreadable)
	if err := a.lookAtTarget(src, set, feats.Kept, record, ""); err != nil {
		return err
	}
	facts := run.NewFacts(set.Name, logits.Rows, logits.Cols, bins, templates, record)
	if out != "" {
		if err := npy.WriteFile(filepath.Join(out, "logits.npy"), logits.Data, logits.Rows, logits.Cols); err != nil {
			return err
		}
		if err := npy.WriteLabels(filepath.Join(out, "labels.npy"), feats.Labels); err != nil {
			return err
		}
		if err := run.WriteFacts(out, metrics, facts, record); err != nil {
			return err
		}
	}
	var left account
	left.add(a, set.Name, record.Account)
	sum, _, _ := strings.Cut(src.Weights, " ")
	known := zeroShotOf{sha256: sum, path: s.weights, config: src.Model.Config, precision: src.Precision, set: set,
		templates: templates, unreadable: len(feats.Unreadable), accuracy: metrics.Accuracy}.beside()
	if a.json {
		return errors.Join(a.printJSON(struct {
			run.Measured
			run.ModelFacts
			Published *publishedBeside `json:"published,omitempty"`
		}{run.Measured{Metrics: metrics, Facts: facts}, src.Facts(), known}), left.end())
	}
	fmt.Fprintf(a.out, "%s: %d images, %d classes, zero-shot\n", set.Name, logits.Rows, logits.Cols)
	err = a.printMetrics(metrics)
	if known != nil {
		fmt.Fprint(a.out, known.lines())
	}
	return errors.Join(err, left.end())
}
