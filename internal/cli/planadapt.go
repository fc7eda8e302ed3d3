package cli

import (
	"slices"

	"clipcalib/adapt"
	"clipcalib/internal/plan"
	"clipcalib/internal/run"

	"github.com/spf13/cobra"
)

func planAdaptCommand(a *app) *cobra.Command {
	var f adaptFlags
	var p planFlags
	c := &cobra.Command{
		Use:   "adapt METHOD[,METHOD...] (--weights W --data SOURCE | --features F...) --targets T... --out PLAN",
		Short: "Plan what clipcalib adapt would train and evaluate",
		Long: `A cell for every run that clipcalib adapt would make of the same arguments, in the
same order; --out names the plan. A cell is a training and its evaluation on the
targets. Files enter by their SHA-256, data sets by the list of their pictures,
labels and class names: what the pictures hold is checked by what is made of them.`,
		Example: `  clipcalib plan adapt zslp,taskres --remedy none,penalty --seed 1,2,3 --weights ViT-B-16.pt --data pets/ --targets pets/ --out plan.jsonl
  clipcalib plan adapt --recipe table.yaml --out plan.jsonl`,
	}
	varied := f.add(c)
	p.addTo(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("plan adapt: %q is one argument too many", args[1])
		}
		var err error
		if p.out, err = planFile(c, f.out); err != nil { // before a recipe file says where its runs go
			return err
		}
		axes, err := f.axes(c.Flags(), varied, args)
		if err != nil {
			return err
		}
		if err := refuseOwnWork(c); err != nil { // of the recipe file
			return err
		}
		made := &plan.Plan{}
		if err := newInputs(a).planAdapt(made, f, axes); err != nil {
			return err
		}
		return a.planned(made, p, nil)
	}
	return c
}

// planAdapt adds a cell for every training.
func (in *inputs) planAdapt(p *plan.Plan, f adaptFlags, axes []axis) error {
	cells, err := f.cells(axes)
	if err != nil {
		return err
	}
	for _, c := range cells {
		planned, err := in.adaptCell(c)
		if err != nil {
			return err
		}
		if err := p.Add(planned); err != nil {
			return err
		}
	}
	return nil
}

// adaptCell is a training as a line of a plan.
func (in *inputs) adaptCell(c cell) (plan.Cell, error) {
	var out plan.Cell
	f := c.flags
	f.features, f.targets = slices.Clone(f.features), slices.Clone(f.targets)
	if err := absoluteAll(f.features, f.targets); err != nil {
		return out, err
	}
	s := &f.source
	if err := absolute(&f.data, &f.init, &f.picks, &s.weights, &s.names, &s.imageRoot, &s.bank); err != nil {
		return out, err
	}
	f.train.Epochs, f.train.LR, f.train.Batch = c.choice.resolved()
	var flags adaptFlags
	command := &cobra.Command{}
	varied := flags.add(command)
	flags = f // which the flags point into
	out = plan.Cell{
		Label: c.label, Command: plan.Adapt, Precision: in.a.precision, Program: version(),
		Recipe: recipeOf(command.Flags(), append(slices.Clone(varied.names), "bins")),
	}
	out.Recipe[axisMethod] = c.method
	if len(f.set) > 0 {
		out.Recipe["set"] = setMap(f.set)
	}
	if len(f.targets) == 0 {
		delete(out.Recipe, "bins")
	}
	// What the plan cannot know of prompts is left to the method.
	for _, name := range []string{"vectors", "context", "class-specific", "depth"} {
		if !isPrompt(c.method) {
			delete(out.Recipe, name)
		}
	}
	var err error
	out.Inputs, err = in.ofAdapt(f)
	return out, err
}

// ofAdapt finds what a training and its evaluation read.
func (in *inputs) ofAdapt(f adaptFlags) ([]plan.Input, error) {
	var find []func() (plan.Input, error)
	add := func(of func() (plan.Input, error)) { find = append(find, of) }
	onFeatures := len(f.features) > 0
	for _, path := range f.features {
		add(func() (plan.Input, error) { return in.file("features", path) })
	}
	if !onFeatures {
		add(func() (plan.Input, error) { return in.model(f.source) })
		add(func() (plan.Input, error) { return in.set("data", f.source, f.data, "train") })
	}
	for _, path := range f.targets {
		if onFeatures {
			add(func() (plan.Input, error) { return in.file("targets", path) })
		} else {
			add(func() (plan.Input, error) { return in.set("targets", f.source, path, "test") })
		}
	}
	if f.picks != "" {
		add(func() (plan.Input, error) { return in.bytes("picks", f.picks) })
	}
	if f.init != "" {
		add(func() (plan.Input, error) { return in.bytes("init", f.init) })
	}
	if f.picks != "" {
		add(func() (plan.Input, error) { return in.bytes("picks", f.picks) })
	}
	return in.all(find...)
}

// resolved are the settings of a training with the method's defaults filled in;
// that they are right has been checked before.
func (p choice) resolved() (epochs int, lr float64, batch int) {
	if p.prompts != nil {
		o, _ := run.CheckPromptOptions(p.prompts.Method, p.prompts.Train, adapt.DefaultLogitScale)
		return o.Epochs, o.LR, o.Batch
	}
	o, _ := p.adapter.Train.Resolved()
	return o.Epochs, o.LR, o.Batch
}

// plannedAdapt is a cell of a plan as the command's own.
func plannedAdapt(c plan.Cell) (adaptFlags, cell, error) {
	var f adaptFlags
	command := &cobra.Command{}
	varied := f.add(command)
	r, err := readPlanned(c, command.Flags(), varied)
	if err != nil {
		return f, cell{}, err
	}
	cells, err := f.cells(inOrder(axis{axisMethod, r.methods}, r.settings, varied))
	if err == nil && len(cells) != 1 {
		err = usagef("cell %d: it makes %d runs", c.Number, len(cells))
	}
	if err != nil {
		return f, cell{}, err
	}
	cells[0].label = c.Label
	return f, cells[0], nil
}
