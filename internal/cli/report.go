package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"clipcalib/calib"
	"clipcalib/internal/report"

	"github.com/spf13/cobra"
)

func reportCommand(a *app) *cobra.Command {
	var out, format string
	var bins int
	c := &cobra.Command{
		Use:   "report RUN...",
		Short: "One self-contained HTML page of runs: reliability diagrams, logit ranges, tables",
		Long: `Makes the page, or a table, from the logits on disk alone. RUN is a run folder or
a folder with runs below it; runs of one method, remedy and target under several
seeds are shown as mean and spread. Targets of one name that hold other pictures
are told apart by the start of data_sha256, which target.yaml has in full.`,
		Example: "  clipcalib report runs/ --out report.html\n  clipcalib report runs/a runs/b --format md",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("report: no run folder named")
			}
			if bins < 1 {
				return usagef("--bins wants at least 1")
			}
			return a.report(args, out, format, bins)
		},
	}
	c.Flags().StringVar(&out, "out", "report.html", "the page")
	c.Flags().StringVar(&format, "format", "html", "html, or a table on standard output: text, md, csv")
	c.Flags().IntVar(&bins, "bins", 10, "bins of ECE and of the diagrams")
	completes(c, "format", "html", "text", "md", "csv")
	return c
}

func (a *app) report(args []string, out, format string, bins int) error {
	var runs []report.Run
	for _, arg := range args {
		found, err := collect(arg, bins)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("report: no evaluated run below %s (run clipcalib eval first)", arg)
		}
		runs = append(runs, found...)
	}
	if a.json {
		return a.printJSON(runs)
	}
	table := report.ResultsTable(runs)
	switch format {
	case "text":
		return table.WriteText(a.out)
	case "md":
		return table.WriteMarkdown(a.out)
	case "csv":
		return table.WriteCSV(a.out)
	case "html":
	default:
		return usagef("--format %s: choose html, text, md or csv", format)
	}
	page := report.Page{
		Title:    "Calibration of adapted CLIP",
		Subtitle: fmt.Sprintf("%d evaluations, ECE of %d bins over whole sets", len(runs), bins),
		Sections: []report.Section{{Title: "Results", Runs: runs}},
	}
	if err := page.WriteFile(out); err != nil {
		return err
	}
	a.note("wrote %s", out)
	return nil
}

// collect reads the evaluations of every run at or below dir. The zero-shot
// reference of each set of samples is listed once.
func collect(dir string, bins int) ([]report.Run, error) {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "recipe.yaml")); err == nil {
				dirs = append(dirs, path)
				return filepath.SkipDir
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	sort.Strings(dirs)
	found, err := readEvaluations(dirs)
	if err != nil {
		return nil, err
	}
	var runs []report.Run
	zeroShot := map[string]bool{}
	for i, column := range columns(found) {
		e := found[i]
		if samples := fmt.Sprint(column, e.Labels); !zeroShot[samples] {
			zeroShot[samples] = true
			r, err := measured(e.ZeroShot, e.Labels, bins)
			if err != nil {
				return nil, err
			}
			r.Method, r.Seed, r.Target, r.Source = report.ZeroShot, len(zeroShot), column, e.source
			runs = append(runs, r)
		}
		r, err := measured(e.Logits, e.Labels, bins)
		if err != nil {
			return nil, err
		}
		r.Method, r.Remedy, r.Seed, r.Target, r.Source = e.recipe.Method, e.Target.Remedy, int(e.recipe.Seed), column, e.source
		runs = append(runs, r)
	}
	return runs, nil
}

func measured(logits calib.Matrix, labels []int, bins int) (report.Run, error) {
	p, err := calib.Predict(logits, labels)
	if err != nil {
		return report.Run{}, err
	}
	return report.Run{Metrics: p.Metrics(calib.Options{Bins: bins}), Reliability: p.Reliability(bins)}, nil
}
