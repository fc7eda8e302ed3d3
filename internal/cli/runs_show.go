package cli

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

func runsShowCommand(a *app) *cobra.Command {
	var bins int
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "One run: its recipe, and metrics with their drift on every target",
		Long: "Shows what a run's recipe says and its metrics, computed from the logits on disk. The drift of " +
			"a\ntarget is the difference from the one that the run learnt from.",
		Example: "  clipcalib runs show runs/taskres",
		Args:    exactly("RUN"),
		RunE: func(_ *cobra.Command, args []string) error {
			if bins < 1 {
				return usagef("--bins wants at least 1")
			}
			return a.runsShow(args[0], bins)
		},
	}
	c.Flags().IntVar(&bins, "bins", 10, "bins of ECE")
	return c
}

// shownTarget is a run's metrics on a target.
type shownTarget struct {
	Target  string             `json:"target"`
	Source  bool               `json:"source"` // of the data set that the run learnt from
	Samples int                `json:"samples"`
	Metrics map[string]float64 `json:"metrics"`
	Drift   map[string]float64 `json:"drift,omitempty"` // from the source
}

func (a *app) runsShow(dir string, bins int) error {
	fields, err := table.ReadFields(dir)
	if err != nil {
		return fmt.Errorf("runs show: %w", err)
	}
	found, _, err := table.Read([]string{dir}, bins)
	if err != nil {
		return fmt.Errorf("runs show: %w", err)
	}
	targets := []shownTarget{}
	var source map[string]float64
	for _, e := range found {
		if e.Seed == "" && e.Fields["method"] == table.ZeroShot { // the reference
			continue
		}
		targets = append(targets, shownTarget{Target: e.Target.Name, Source: e.Source, Samples: e.Target.Samples,
			Metrics: e.Values})
		if e.Source {
			source = e.Values
		}
	}
	for i, t := range targets {
		if source == nil || t.Source {
			continue
		}
		targets[i].Drift = map[string]float64{}
		for key, v := range t.Metrics {
			targets[i].Drift[key] = v - source[key]
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"run": dir, "recipe": fields, "targets": targets})
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "choices" { // log.txt has them, a line each
			fmt.Fprintf(w, "%s\t%s\n", name, fields[name])
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(targets) == 0 {
		fmt.Fprintln(a.out, "\nno finished evaluation (run clipcalib eval)")
		return nil
	}
	fmt.Fprintf(a.out, "\naccuracy and ECE in per cent, ECE of %d bins; in brackets the drift from the source\n\n",
		bins)
	w = tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "target\tsamples")
	for _, m := range shownMetrics {
		fmt.Fprintf(w, "\t%s", m.Title)
	}
	fmt.Fprintln(w)
	for _, t := range targets {
		name := t.Target
		if t.Source {
			name += " (source)"
		}
		fmt.Fprintf(w, "%s\t%d", name, t.Samples)
		for _, m := range shownMetrics {
			fmt.Fprintf(w, "\t%.*f", m.Digits, m.Factor*t.Metrics[m.Key])
			if t.Drift != nil {
				fmt.Fprintf(w, " (%+.*f)", m.Digits, m.Factor*t.Drift[m.Key])
			}
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// shownMetrics are the columns of runs show.
var shownMetrics = []table.Metric{
	{Key: "accuracy", Title: "acc", Factor: 100, Digits: 1}, {Key: "ece", Title: "ECE", Factor: 100, Digits: 1},
	{Key: "nll", Title: "NLL", Factor: 1, Digits: 3}, {Key: "brier", Title: "Brier", Factor: 1, Digits: 3},
	{Key: "logit_range", Title: "range", Factor: 1, Digits: 1},
}
