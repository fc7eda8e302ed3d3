package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/report"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

var reportFormats = []string{"html", "text", "md", "csv", "wide", "latex", "json"}

func reportCommand(a *app) *cobra.Command {
	var out, format string
	var bins int
	c := &cobra.Command{
		Use:   "report RUN...",
		Short: "One self-contained HTML page of runs: reliability diagrams, logit ranges, tables",
		Long: `Makes the page, or a table, from the logits on disk alone. RUN is a run folder or
a folder with runs below it. Runs are grouped by their whole recipe: those that
differ in the seed alone are one row, shown as mean and spread with their number,
and what differs between rows becomes a column. What a row lacks, a seed that was
found twice and a run without an evaluation are said. Targets of one name that
hold other pictures are told apart by the start of data_sha256.`,
		Example: "  clipcalib report runs/ --out report.html\n  clipcalib report runs/a runs/b --format md",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("report: no run folder named")
			}
			if bins < 1 {
				return usagef("--bins wants at least 1")
			}
			if !slices.Contains(reportFormats, format) {
				return usagef("--format %s: choose %s", format, strings.Join(reportFormats, ", "))
			}
			m := without(c, "")
			switch {
			case a.json:
				m = without(c, "with --json, which prints every evaluation", "format")
			case format != "html":
				m = without(c, "with --format "+format+", which is printed", "out")
			}
			if err := m.check(c); err != nil {
				return err
			}
			if a.json && !c.Flags().Changed("out") {
				out = "" // no page
			}
			return a.report(args, out, format, bins)
		},
	}
	c.Flags().StringVar(&out, "out", "report.html", "the page")
	c.Flags().StringVar(&format, "format", "html",
		"html, or a table on standard output: "+strings.Join(reportFormats[1:],
			", ")+" (csv has one value a row, wide a row a recipe)")
	c.Flags().IntVar(&bins, "bins", 10, "bins of ECE and of the diagrams")
	completes(c, "format", reportFormats...)
	return c
}

func (a *app) report(args []string, out, format string, bins int) error {
	found, t, err := readTable("report", args, bins)
	if err != nil {
		return err
	}
	if !a.json || out != "" {
		if err := a.writeTable(&t, format, out); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(found)
	}
	for _, note := range t.Notes {
		fmt.Fprintf(a.err, "report: %s\n", note)
	}
	return nil
}

// readTable reads the runs below some folders and groups them.
func readTable(command string, args []string, bins int) (found []table.Evaluation, t table.Table, err error) {
	var dirs []string
	for _, arg := range args {
		found, err := table.Find(arg)
		if err != nil {
			return nil, t, fmt.Errorf("%s: %w", command, err)
		}
		if len(found) == 0 {
			return nil, t, fmt.Errorf("%s: no evaluated run below %s: it holds no run", command, arg)
		}
		dirs = append(dirs, found...)
	}
	found, without, err := table.Read(dirs, bins)
	if err != nil {
		return nil, t, err
	}
	if len(found) == 0 {
		return nil, t, fmt.Errorf("%s: no evaluated run below %s (run clipcalib eval first)", command,
			strings.Join(args, ", "))
	}
	t = table.Make(found, bins)
	for _, dir := range without {
		t.Notes = append(t.Notes, fmt.Sprintf("%s has no finished evaluation and is in no row", dir))
	}
	return found, t, nil
}

func (a *app) writeTable(t *table.Table, format, out string) error {
	switch format {
	case "text":
		return a.printTable(t.Wide(table.Main))
	case "md":
		return t.Wide(table.Main).WriteMarkdown(a.out)
	case "latex":
		return t.Wide(table.Main).WriteLaTeX(a.out)
	case "csv":
		return t.WriteTidy(a.out)
	case "wide":
		return t.WriteWide(a.out)
	case "json":
		return a.printJSON(t)
	}
	page := report.Page{
		Title: "Calibration of adapted CLIP",
		Subtitle: fmt.Sprintf("%d recipes on %d targets, ECE of %d bins over whole sets", len(t.Groups), len(t.Targets),
			t.Bins),
		Sections: sections(t),
		Notes:    slices.Clone(t.Notes),
	}
	for _, name := range slices.Sorted(maps.Keys(validationFolds(t))) {
		page.Notes = append(page.Notes, name+" is a validation fold: remedies are chosen on it, and it has no column")
	}
	if err := page.WriteFile(out); err != nil {
		return err
	}
	a.note("wrote %s", out)
	return nil
}

// sections puts the rows of one zero-shot reference together: a method is
// compared with the zero-shot model of its own weights and prompts.
func sections(t *table.Table) []report.Section {
	var out []report.Section
	folds := validationFolds(t)
	for _, part := range t.ByReference() {
		s := report.Section{Title: "Results", Text: part.About}
		for _, g := range part.Groups {
			method := g.Fields["method"]
			if setting := part.Setting(g); setting != "" && method != table.ZeroShot {
				method += " (" + setting + ")"
			}
			seeds := seedNumbers{}
			for _, c := range t.Targets {
				if folds[c.Name] {
					continue
				}
				for _, e := range g.Cells[c.Name] {
					s.Classes = max(s.Classes, e.Classes)
					s.Runs = append(s.Runs, report.Run{
						Method: method, Remedy: g.Fields["remedy"], Seed: seeds.number(e.Seed), Target: c.Name, Source: c.Source,
						Metrics: e.Metrics, Reliability: e.Predictions.Reliability(t.Bins), Validation: validation(t, g, e.Seed),
					})
				}
			}
		}
		alike, differing := part.Recipes()
		s.Recipes = differing
		for _, field := range alike {
			s.Settings = append(s.Settings, report.Setting{Name: field[0], Value: field[1]})
		}
		out = append(out, s)
	}
	return out
}

// validationFolds are the columns that remedies are chosen on, which are no
// results to show beside others.
func validationFolds(t *table.Table) map[string]bool {
	folds := map[string]bool{}
	for _, c := range t.Targets {
		if c.Validation && c.Source {
			folds[c.Name] = true
		}
	}
	if len(folds) == len(t.Targets) {
		return nil
	}
	return folds
}

// validation is a row's metrics on the validation fold of its source, nil
// where that was not measured under the seed, or on more folds than one.
func validation(t *table.Table, g table.Group, seed string) *calib.Metrics {
	var found *calib.Metrics
	for _, c := range t.Targets {
		if !c.Validation || !c.Source {
			continue
		}
		for _, e := range g.Cells[c.Name] {
			if e.Seed != seed {
				continue
			}
			if found != nil {
				return nil
			}
			found = &e.Metrics
		}
	}
	return found
}

// seedNumbers tell the seeds of a row apart, on all targets alike.
type seedNumbers map[string]int

func (n seedNumbers) number(seed string) int {
	if _, ok := n[seed]; !ok {
		n[seed] = len(n)
	}
	return n[seed]
}
