package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/named"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

// chooseFlags are the inputs of the choose command.
type chooseFlags struct {
	rule, metric string
	allowance    float64
	allowed      bool // --allowance was given
	bins, draws  int
	seed         uint64
	fold         string
	scalers      postHocFlags
}

var (
	chooseRules   = []string{table.ByValidation, table.ByRange}
	chooseMetrics = []string{"ece", "adaptive_ece_closed", "nll", "brier", "mce", "ace"}
)

func chooseCommand(a *app) *cobra.Command {
	var f chooseFlags
	c := &cobra.Command{
		Use:   "choose RUN...",
		Short: "The remedy that runs would be given without the labels of what is measured",
		Long: `Chooses among the remedies that a method was run with, for every method and its
settings below the folders, by one of two rules:

  validation  the lowest --metric on the validation fold of the data that the runs
              learnt from, among the rows that cost at most --allowance of the
              accuracy there. The labels are the fold's.
  range       for every target, without labels: none, where the adapted logits are
              on average no more than --allowance wider than the zero-shot model's
              on the same pictures; else the row whose range is nearest to that, by
              the mean of |log(range / zero-shot range)|. SaLS has the zero-shot
              range by construction, so where it is a candidate it is the nearest.

Rows under scalers (--post-hoc, --calibrator) are candidates too; on the fold that a
scaler is fitted on it is judged by fits on the other fifths.

How sure the choice is: the share of bootstrap draws over samples in which the whole
rule chooses the same, and by how much the runner-up is worse, with its interval of
95 %; both are of these runs and do not speak of other seeds. Then, by the labels that
the choice did not see: the ECE of none, of the chosen and of the best row.`,
		Example: "  clipcalib choose runs/\n  clipcalib choose runs/ --rule range --json\n" +
			"  clipcalib choose runs/ --post-hoc temperature --metric nll",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("choose: no run folder named")
			}
			if f.rule == table.ByRange {
				if err := without(c, "with --rule range, which looks at no labels", "metric").check(c); err != nil {
					return err
				}
			}
			f.allowed = c.Flags().Changed("allowance")
			return a.choose(c.Context(), args, f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.rule, "rule", table.ByValidation, strings.Join(chooseRules, " or "))
	fl.StringVar(&f.metric, "metric", "ece", "that is least of the chosen, on the fold: "+strings.Join(chooseMetrics,
		", "))
	fl.Float64Var(&f.allowance, "allowance", 0,
		fmt.Sprintf("accuracy that a remedy may cost on the fold, or by how much "+
			"logits may be wider; by default %g and %g", table.AccuracyAllowance, table.RangeAllowance))
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE")
	fl.IntVar(&f.draws, "draws", 1000, "bootstrap draws over samples")
	fl.Uint64Var(&f.seed, "seed", 0, "seed of the draws")
	fl.StringVar(&f.fold, "fold", "", "of runs on feature files, the target that is their validation fold")
	f.scalers.add(c)
	completes(c, "rule", chooseRules...)
	completes(c, "metric", chooseMetrics...)
	return c
}

func (f chooseFlags) check() error {
	switch {
	case !slices.Contains(chooseRules, f.rule):
		return usagef("--rule %s: choose %s%s", f.rule, strings.Join(chooseRules, " or "), named.Suggestion(f.rule,
			chooseRules))
	case !slices.Contains(chooseMetrics, f.metric):
		return usagef("--metric %s: choose %s%s", f.metric, strings.Join(chooseMetrics, ", "),
			named.Suggestion(f.metric,
				chooseMetrics))
	case !(f.allowance >= 0 && f.allowance < 1):
		return usagef("--allowance %g: want a share of at least 0 and below 1", f.allowance)
	case f.bins < 1:
		return usagef("--bins wants at least 1")
	case f.draws < 20 || f.draws > 1_000_000:
		return usagef("--draws %d: want 20 to 1000000", f.draws)
	}
	return nil
}

func (a *app) choose(ctx context.Context, args []string, f chooseFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	scalers, err := f.scalers.open()
	if err != nil {
		return err
	}
	_, t, err := readTable("choose", args, f.bins, scalers, f.fold)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	o := table.ChooseOptions{Rule: f.rule, Metric: f.metric,
		BootstrapOptions: calib.BootstrapOptions{Draws: f.draws, Seed: f.seed}}
	if f.allowed {
		o.Allowance = &f.allowance
	}
	all, notes, err := t.Choose(o)
	if err != nil {
		return fmt.Errorf("choose: %w", err)
	}
	if len(all) == 0 {
		return fmt.Errorf("choose: there is nothing to choose: %s", strings.Join(notes, "; "))
	}
	notes = append(slices.Clone(t.Notes), notes...)
	if a.json {
		return a.printJSON(struct {
			Rule    string         `json:"rule"`
			Draws   int            `json:"draws"`
			Bins    int            `json:"bins"`
			Choices []table.Choice `json:"choices"`
			Notes   []string       `json:"notes"`
		}{f.rule, f.draws, f.bins, all, append([]string{}, notes...)})
	}
	for _, n := range notes {
		fmt.Fprintf(a.err, "choose: %s\n", n)
	}
	return a.printChoices(all, f)
}

// printChoices prints the choices, the candidates and what they came to.
func (a *app) printChoices(all []table.Choice, f chooseFlags) error {
	on, score, factor := "fold", f.metric, 100.0
	if f.rule == table.ByRange {
		on, score = "target", "|log range ratio|"
	}
	if f.rule == table.ByRange || f.metric == "nll" || f.metric == "brier" {
		factor = 1
	}
	number := func(v float64) string {
		if factor == 1 {
			return fmt.Sprintf("%.3f", v)
		}
		return fmt.Sprintf("%.1f", factor*v)
	}
	choices := table.Grid{Left: 3, Header: []string{"method", on, "chosen", score, "in draws %", "runner-up",
		"worse by",
		"95 % interval", "told"}}
	rows := table.Grid{Left: 3, Header: []string{"method", on, "candidate", score, "accuracy", "range ratio",
		"in draws %",
		"eligible"}}
	outcomes := table.Grid{Left: 3, Header: []string{"method", "target", "chosen", "ECE of none", "of chosen",
		"of best", "best",
		"given away"}}
	for _, c := range all {
		name := table.Display(c.Method)
		if c.Setting != "" {
			name += " (" + c.Setting + ")"
		}
		line := []string{name, c.On, settled(c.Chosen, c.ChosenSetting), number(c.ChosenCandidate().Score),
			fmt.Sprintf("%.0f", 100*c.Share), "–", "–", "–", "–"}
		if c.Margin != nil {
			told := "no"
			if c.Margin.Told {
				told = "yes"
			}
			line = append(line[:5], settled(c.RunnerUp, c.RunnerUpSetting), number(c.Margin.Value),
				number(c.Margin.Low)+" to "+number(c.Margin.High), told)
		}
		for _, k := range c.Candidates {
			eligible := "yes"
			if !k.Eligible {
				eligible = "no: " + k.Why
			}
			rows.Rows = append(rows.Rows, []string{name, c.On, settled(k.Remedy, k.Setting), number(k.Score),
				optional(k.Accuracy,
					100), optional(k.Ratio, 1), fmt.Sprintf("%.0f", 100*k.Share), eligible})
		}
		choices.Rows = append(choices.Rows, line)
		for _, o := range c.Outcomes {
			outcomes.Rows = append(outcomes.Rows, []string{name, o.Target, settled(c.Chosen, c.ChosenSetting),
				fmt.Sprintf("%.1f", 100*o.None), fmt.Sprintf("%.1f", 100*o.Chosen), fmt.Sprintf("%.1f", 100*o.Best),
				settled(o.BestOf, o.BestSetting),
				fmt.Sprintf("%.1f", 100*o.Regret())})
		}
	}
	for i, g := range []table.Grid{choices, rows, outcomes} {
		title := []string{"", "\ncandidates", "\nwhat it came to, by labels that the choice did not see"}[i]
		if len(g.Rows) == 0 {
			continue
		}
		if title != "" {
			if _, err := io.WriteString(a.out, title+"\n"); err != nil {
				return err
			}
		}
		if err := a.printTable(g); err != nil {
			return err
		}
	}
	return nil
}

// settled is a remedy's name with what tells the row from others of it.
func settled(remedy, setting string) string {
	if setting == "" {
		return table.Display(remedy)
	}
	return table.Display(remedy) + " (" + setting + ")"
}

func optional(v *float64, factor float64) string {
	if v == nil {
		return "–"
	}
	if factor == 1 {
		return fmt.Sprintf("%.2f", *v)
	}
	return fmt.Sprintf("%.1f", factor**v)
}
