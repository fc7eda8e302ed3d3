package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"clipcalib/internal/run"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

func runsCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "runs list|show|verify|compare|drift",
		Short: "Run folders: list and filter them, show one, verify files, compare two recipes, measure the drift warning",
		Example: "  clipcalib runs list runs/ --remedy sals\n  clipcalib runs verify runs/\n" +
			"  clipcalib runs compare runs/taskres runs/taskres-sals",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usagef("runs: say list, show, verify, compare or drift; see: clipcalib runs --help")
		},
	}
	c.AddCommand(runsListCommand(a), runsShowCommand(a), runsVerifyCommand(a), runsCompareCommand(a),
		runsDriftCommand(a))
	return c
}

// runFilter chooses runs; empty lists take all.
type runFilter struct{ methods, remedies, targets []string }

func (f runFilter) takes(r listedRun) bool {
	in := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	return in(f.methods, r.Method) && in(f.remedies, r.Remedy) &&
		(len(f.targets) == 0 || slices.ContainsFunc(r.Targets, func(t string) bool { return slices.Contains(f.targets, t) }))
}

func runsListCommand(a *app) *cobra.Command {
	var f runFilter
	c := &cobra.Command{
		Use:   "list DIR...",
		Short: "Runs at or below folders",
		Long: `Lists the runs at or below DIR with their targets. A run whose recipe cannot be
read is listed as damaged, and the exit code is 1; "runs verify" checks the rest.`,
		Example: "  clipcalib runs list runs/\n  clipcalib runs list runs/ --method taskres --remedy none,sals --json",
		RunE: func(_ *cobra.Command, args []string) error {
			dirs, err := runsBelow("list", args)
			if err != nil {
				return err
			}
			return a.runsList(dirs, f)
		},
	}
	fl := c.Flags()
	fl.StringSliceVar(&f.methods, "method", nil, "only of these methods")
	fl.StringSliceVar(&f.remedies, "remedy", nil, "only with these remedies")
	fl.StringSliceVar(&f.targets, "target", nil, "only those measured on one of these")
	return c
}

// runsBelow lists the runs at or below folders, each once.
func runsBelow(command string, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, usagef("runs %s: no folder named", command)
	}
	var dirs []string
	for _, arg := range args {
		found, err := table.Find(arg)
		if err != nil {
			return nil, fmt.Errorf("runs %s: %w", command, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("runs %s: %s holds no run", command, arg)
		}
		for _, dir := range found {
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs, nil
}

// listedRun is a line of the list.
type listedRun struct {
	Run        string   `json:"run"`
	Method     string   `json:"method"`
	Remedy     string   `json:"remedy"`
	Shots      string   `json:"shots"`
	Seed       string   `json:"seed"`
	Targets    []string `json:"targets"`
	Unfinished []string `json:"unfinished"`
	Damage     string   `json:"damage,omitempty"`
}

func listRun(dir string) listedRun {
	r := listedRun{Run: dir, Targets: []string{}, Unfinished: []string{}}
	fields, err := table.ReadFields(dir)
	if err != nil {
		r.Damage = err.Error()
		return r
	}
	r.Method, r.Remedy, r.Shots, r.Seed = fields["method"], fields["remedy"], fields["inputs.shots"], fields["seed"]
	for _, target := range run.Unfinished(dir) {
		r.Unfinished = append(r.Unfinished, filepath.Base(target))
	}
	r.Targets = append(r.Targets, run.Finished(dir)...)
	return r
}

func (a *app) runsList(dirs []string, f runFilter) error {
	rows, damaged := []listedRun{}, 0
	for _, dir := range dirs {
		switch r := listRun(dir); {
		case r.Damage != "":
			damaged++
			rows = append(rows, r)
		case f.takes(r):
			rows = append(rows, r)
		}
	}
	var wrong error
	if damaged > 0 {
		wrong = fmt.Errorf("runs list: %d of %d runs are damaged", damaged, len(dirs))
	}
	if a.json {
		if err := a.printJSON(rows); err != nil {
			return err
		}
		return wrong
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "method\tremedy\tshots\tseed\ttargets\trun")
	for _, r := range rows {
		if r.Damage != "" {
			fmt.Fprintf(w, "damaged\t\t\t\t\t%s\n", r.Run)
			fmt.Fprintf(a.err, "runs list: %s\n", r.Damage)
			continue
		}
		targets := strings.Join(r.Targets, ", ")
		if len(r.Unfinished) > 0 {
			targets += fmt.Sprintf(" (unfinished: %s)", strings.Join(r.Unfinished, ", "))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Method, r.Remedy, r.Shots, r.Seed, strings.TrimSpace(targets),
			r.Run)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return wrong
}
