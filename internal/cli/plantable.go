package cli

import (
	"strings"

	"clipcalib/internal/named"
	"clipcalib/internal/plan"
	"clipcalib/internal/recipe"

	"github.com/spf13/cobra"
)

func planTableCommand(a *app) *cobra.Command {
	var s paperSource
	var p planFlags
	c := &cobra.Command{
		Use:   "table " + strings.Join(named.Names(recipe.Tables()), "|") + " --root DATA --weights W... --out PLAN",
		Short: "Plan the runs of a table of the paper",
		Long: `A cell for every run that clipcalib table would make of the same arguments; --out
names the plan. What is missing of data and weights is said. Zero-shot rows have no
cells of their own: the logits of the others hold theirs. The table is then made by

  clipcalib collect PLAN --out RESULTS --runs RUNS
  clipcalib table TABLE --logits RUNS`,
		Example: "  clipcalib plan table adapters --root data --weights RN50.pt --weights ViT-B-16.pt --out plan.jsonl\n" +
			"  clipcalib plan table tta --root data --weights RN50.pt --only RN50,tpt --out plan.jsonl",
		Args:              exactly("TABLE"),
		ValidArgsFunction: completeFirst(named.Names(recipe.Tables())),
	}
	s.add(c, "out", "")
	p.addTo(c)
	for _, name := range []string{"logits", "dry-run"} { // the one has no runs, the other is what plan is
		c.Flags().MarkHidden(name)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		t, err := recipe.FindTable(args[0])
		switch {
		case err != nil:
			return usageError{err}
		case s.logits != "" || s.dry:
			return usagef("plan table: --logits and --dry-run are for clipcalib table")
		}
		if p.out, err = planFile(c, s.out); err != nil {
			return err
		}
		if err := s.check(true); err != nil {
			return err
		}
		made, err := a.planTable(t, s)
		if err != nil {
			return err
		}
		return a.planned(made, p, nil)
	}
	return c
}

// planTable plans a table's recipes.
func (a *app) planTable(t recipe.Table, s paperSource) (*plan.Plan, error) {
	s.out = "" // a file, no folder of runs
	w, err := a.paperWork(t, s)
	if err != nil {
		return nil, err
	}
	for _, m := range w.missing {
		a.note("missing: %s (%d of %d figures)", m.What, m.Cells, w.cells)
	}
	made, in := &plan.Plan{}, newInputs(a)
	for _, j := range w.jobs {
		if err := in.planRecipe(made, j.resolved, s.bank); err != nil {
			return nil, err
		}
	}
	if len(made.Cells) == 0 {
		return nil, usagef("plan table %s: there is nothing to plan", t.Name())
	}
	return made, nil
}

// planRecipe plans the runs of a recipe of the paper.
func (in *inputs) planRecipe(p *plan.Plan, r recipe.Recipe, bank string) error {
	c := &cobra.Command{}
	args := flagArgs(r, []string{r.Source()})
	if r.Command == recipe.Tune {
		args = flagArgs(r, r.Targets())
	}
	if bank != "" {
		args = append(args, "--bank="+bank)
	}
	methods := strings.Join(r.Methods, ",")
	switch r.Command {
	case recipe.Adapt:
		var f adaptFlags
		varied := f.add(c)
		if err := c.ParseFlags(args); err != nil {
			return err
		}
		axes, err := f.axes(c.Flags(), varied, []string{methods})
		if err != nil {
			return err
		}
		return in.planAdapt(p, f, axes)
	case recipe.Tune:
		var f ttaFlags
		varied := f.add(c)
		if err := c.ParseFlags(args); err != nil {
			return err
		}
		return in.planTune(p, f, methods, varied)
	}
	return nil // zero-shot
}
