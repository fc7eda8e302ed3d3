package cli

import (
	"slices"

	"clipcalib/internal/plan"

	"github.com/spf13/cobra"
)

func planTuneCommand(a *app) *cobra.Command {
	var f ttaFlags
	var p planFlags
	c := &cobra.Command{
		Use:   "tta METHOD[,METHOD...] --weights W --data TARGET... --out PLAN",
		Short: "Plan what clipcalib tta would tune",
		Long: `A cell for every run that clipcalib tta would make of the same arguments and for
every target of it, in the same order; --out names the plan. Targets of one run
are separate cells, since tuning takes long; clipcalib collect --runs puts them
together again.`,
		Example: `  clipcalib plan tta tpt,c-tpt --remedy none,sals --weights ViT-B-16.pt --data pets/ --data dtd/ --out plan.jsonl`,
	}
	varied := f.add(c)
	p.addTo(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		args, err := f.takeRecipe(c, varied, args)
		if err != nil {
			return err
		}
		if err := exactly("METHOD")(c, args); err != nil {
			return err
		}
		if len(f.data) == 0 {
			return usagef("plan tta: --data TARGET is missing")
		}
		if p.out, err = planFile(c, f.out); err != nil {
			return err
		}
		made := &plan.Plan{}
		if err := newInputs(a).planTune(made, f, args[0], varied); err != nil {
			return err
		}
		return a.planned(made, p, nil)
	}
	return c
}

// planTune adds a cell for every run and target.
func (in *inputs) planTune(p *plan.Plan, f ttaFlags, methods string, varied *varied) error {
	runs, err := f.cells(methods, varied)
	if err != nil {
		return err
	}
	for _, t := range runs {
		for _, target := range f.data {
			c, err := in.tuneCell(t, target)
			if err != nil {
				return err
			}
			if err := p.Add(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// tuneCell is a run on one target as a line of a plan.
func (in *inputs) tuneCell(t tuning, target string) (plan.Cell, error) {
	f := t.ttaFlags
	f.data = []string{target}
	label := t.label + ", " + target
	if err := absoluteAll(f.data); err != nil {
		return plan.Cell{}, err
	}
	s := &f.source
	if err := absolute(&s.weights, &s.names, &s.imageRoot, &s.bank); err != nil {
		return plan.Cell{}, err
	}
	var flags ttaFlags
	command := &cobra.Command{}
	varied := flags.add(command)
	flags = f // which the flags point into
	out := plan.Cell{
		Label: label, Command: plan.Tune, Precision: in.a.precision, Program: version(),
		Recipe: recipeOf(command.Flags(), append(slices.Clone(varied.names), "bins")),
	}
	out.Recipe[axisMethod] = t.method.Name()
	if len(t.assigned) > 0 {
		out.Recipe["set"] = setMap(t.assigned)
	}
	var err error
	out.Inputs, err = in.ofTuning(f)
	return out, err
}

// ofTuning finds what tuning reads.
func (in *inputs) ofTuning(f ttaFlags) ([]plan.Input, error) {
	find := []func() (plan.Input, error){func() (plan.Input, error) { return in.model(f.source) }}
	for _, spec := range f.data {
		find = append(find, func() (plan.Input, error) { return in.set("data", f.source, spec, "test") })
	}
	return in.all(find...)
}

// plannedTuning is a cell of a plan as the command's own.
func plannedTuning(c plan.Cell) (tuning, error) {
	var f ttaFlags
	command := &cobra.Command{}
	varied := f.add(command)
	r, err := readPlanned(c, command.Flags(), varied)
	if err != nil {
		return tuning{}, err
	}
	for _, a := range r.settings {
		f.set = append(f.set, a.values...)
	}
	cells, err := f.cells(r.methods[0], varied)
	if err == nil && len(cells) != 1 {
		err = usagef("cell %d: it makes %d runs", c.Number, len(cells))
	}
	if err != nil {
		return tuning{}, err
	}
	cells[0].label = c.Label
	return cells[0], nil
}
