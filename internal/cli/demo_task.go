package cli

import (
	"context"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/demo"
	"clipcalib/internal/report"
)

// demoTask runs one task and describes it: a section for what learns from
// shots, and one for what learns from test pictures.
func (a *app) demoTask(ctx context.Context, x demo.Experiment, t *demo.Task) ([]report.Section, error) {
	x.Shots = demoShots[t.Name]
	var domains, strongest []*demo.Domain
	for _, d := range t.Domains {
		if d.Severity == 0 || d.Severity == demo.MaxSeverity {
			strongest = append(strongest, d)
		}
		if d.Severity == 0 || d.Severity == demoSeverity || d.Severity == demo.MaxSeverity {
			domains = append(domains, d)
		}
	}
	var p *progress
	what := ""
	x.Progress = func(now string, done, total int) {
		if now != what {
			if p != nil {
				p.Done()
			}
			what, p = now, a.progress(now, "steps", total)
		}
		p.Update(done, total)
	}
	defer func() {
		if p != nil {
			p.Done()
		}
	}()
	x.Source.Progress = nil
	var sections []report.Section
	if len(x.Methods)+len(x.Prompts) > 0 {
		runs, err := x.Task(ctx, t, domains)
		if err != nil {
			return nil, err
		}
		s := report.Section{
			Title: t.Title,
			Text: []string{fmt.Sprintf("%d classes, %d shots a class of the source %q (a class with fewer gives all it has), measured on %d domains.",
				len(t.Classes), x.Shots, t.Source().Title, len(domains))},
			Settings: []report.Setting{{Name: "Zero-shot prompts", Value: fmt.Sprintf("mean over %q", t.Templates)}},
			Runs:     runs,
			Classes:  len(t.Classes),
			Featured: prompt.CoOp{}.Name(),
		}
		if len(x.Methods) > 0 {
			s.Featured = adapt.TaskRes{}.Name()
		}
		sections = append(sections, s)
	}
	if len(x.TestTime) > 0 {
		runs, err := x.TuneTask(ctx, t, strongest)
		if err != nil {
			return nil, err
		}
		sections = append(sections, report.Section{
			Title: t.Title + ", prompts tuned at test time",
			Text: []string{fmt.Sprintf("%d classes, no shots; %d pictures of the test fold of each of %d domains for every seed, evenly spaced, other ones for other seeds. "+
				"The ECE of so few pictures is too large, for every row and for zero-shot alike: compare within this section only.",
				len(t.Classes), x.TestImages, len(strongest))},
			Settings: []report.Setting{{Name: "Starting prompt", Value: fmt.Sprintf("%q, which is also the zero-shot reference", t.Phrase()+" {}.")}},
			Runs:     runs,
			Classes:  len(t.Classes),
			Featured: testtime.TPT{}.Name(),
		})
	}
	return sections, nil
}
