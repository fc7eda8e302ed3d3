package clipcalib

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/run"
	"clipcalib/text"
	"clipcalib/weights"
)

// Shots are labelled pictures to adapt to.
type Shots struct {
	Pictures  []string // paths
	Labels    []int    // class of every picture
	Classes   []string // names
	Templates []string // prompts with "{}" for the class; none means "a photo of a {}."
}

// Adapt trains an adapter on shots and keeps it as a run in the folder dir, as
// the command adapt does: OpenRun opens it, and so do the commands eval,
// predict and serve. It reports whether it trained: a finished run of the same
// recipe is left as it is, an unfinished one is continued, and a folder with
// another recipe is an error. The checkpoint is named by its path, so that the
// run finds it again.
func Adapt(
	ctx context.Context, dir, checkpoint string, s Shots, m adapt.Method, r adapt.Remedy, o adapt.Options,
) (bool, error) {
	trained, err := adaptRun(ctx, dir, checkpoint, s, m, r, o)
	if err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	return trained, nil
}

func adaptRun(
	ctx context.Context, dir, checkpoint string, s Shots, m adapt.Method, r adapt.Remedy, o adapt.Options,
) (bool, error) {
	if m == nil {
		return false, errors.New("no method given")
	}
	if len(s.Templates) == 0 {
		s.Templates = []string{text.TemplateDefault}
	}
	c, err := weights.OpenCLIP(checkpoint, weights.Options{})
	if err != nil {
		return false, err
	}
	defer c.Close()
	sum, err := c.File().SHA256()
	if err != nil {
		return false, err
	}
	model, err := clip.New(c, clip.Options{Device: o.Device})
	if err != nil {
		return false, err
	}
	defer model.Close()
	o.Device = model.Device
	data, err := TrainingData(ctx, model, s.Pictures, s.Labels, s.Classes, s.Templates...)
	if err != nil {
		return false, err
	}
	classes := make([]run.Class, len(s.Classes))
	for k, name := range s.Classes {
		classes[k].Name = name
		for _, t := range s.Templates {
			classes[k].Prompts = append(classes[k].Prompts, strings.ReplaceAll(t, text.ClassPlaceholder, name))
		}
	}
	return run.Adapt(ctx, run.AdaptOptions{
		Method: m, Remedy: r, Train: o, Data: &data, Classes: classes, Config: &model.Config, Out: dir,
		Inputs: run.Inputs{
			Weights: checkpoint, WeightsSHA256: run.WeightsIdentity(sum, c), Templates: s.Templates,
			Preprocessing: model.Images.Preprocessor().String() + "; " + model.Device.Precision(),
			BatchImages:   model.Images.Batch(),
		},
	})
}
