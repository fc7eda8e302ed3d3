package demo

import (
	"context"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/clip"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
	"clipcalib/internal/run"
	"clipcalib/text"
)

// PromptMethods are the prompt learners that take minutes on the shipped model:
// all but CoCoOp, whose text features are computed anew for every image, and
// PromptSRC, which takes ten times MaPLe's epochs. Those that start from words
// start from phrase.
func PromptMethods() []func(phrase string) prompt.Method {
	return []func(string) prompt.Method{
		func(string) prompt.Method { return prompt.CoOp{} },
		func(phrase string) prompt.Method { return prompt.ProGrad{Init: phrase} },
		func(phrase string) prompt.Method { return prompt.MaPLe{Init: phrase} },
		func(phrase string) prompt.Method { return prompt.KgCoOp{Init: phrase} },
	}
}

// Phrase is the words before the class name in the task's first template.
func (t *Task) Phrase() string {
	before, _, _ := strings.Cut(t.Templates[0], text.ClassPlaceholder)
	return strings.TrimSpace(before)
}

// promptJobs are every prompt learner under every remedy, trained by the recipe
// of its authors.
func (e Experiment) promptJobs(t *Task, s shotSet) []job {
	var jobs []job
	for _, method := range e.Prompts {
		m := method(t.Phrase())
		o := run.PromptOptions{
			Method: m, Classes: s.classes, Inputs: s.inputs,
			Train: prompt.Options{Seed: s.seed, Epochs: e.Train.Epochs, Progress: func(adapt.Progress) { e.made(1) }},
			Data:  prompt.Data{Classes: t.Classes, Labels: s.set.Labels, Views: s.set.Views, Prototypes: s.protos},
		}
		if prompt.NeedsImages(m) {
			o.Data.Image = e.Source.Pixels(s.pictures, s.set.Kept, s.views).View
		} else {
			o.Data.Features = s.set.Features
		}
		target := func(on *clip.Model, d domainSet) *run.PromptTarget {
			return &run.PromptTarget{
				Model: on, Classes: t.Classes,
				Images: e.Source.Pixels(d.pictures, d.set.Kept, features.Views{}).InOrder,
			}
		}
		for _, r := range e.Remedies {
			jobs = append(jobs, job{method: m.Name(), remedy: r, target: target,
				train: func(ctx context.Context, l *lanes.Lane, dir, twin string) (err error) {
					o := o
					o.Remedy, o.Out, o.Twin = r, dir, twin
					if o.Model, err = l.Model(e.Source.Model); err != nil {
						return err
					}
					_, err = run.LearnPrompts(ctx, o)
					return err
				}})
		}
	}
	return jobs
}
