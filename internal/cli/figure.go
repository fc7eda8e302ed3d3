package cli

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/internal/figure"
	"clipcalib/internal/report"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

var figureKinds = []string{"reliability", "curves", "ranges", "norms", "range"}

func figureCommand(a *app) *cobra.Command {
	var out, method string
	var bins int
	var s paperSource
	c := &cobra.Command{
		Use:   "figure KIND (RUN... | --root DATA --weights RN50.pt --runs DIR | --logits DIR)",
		Short: "A figure of runs as SVG, PDF or PNG: " + strings.Join(figureKinds, ", "),
		Long: `Draws runs from the logits on disk alone, grouped as report groups them:
reliability diagrams of a method under its remedies, accuracy and ECE over the
shots, the distribution of the logit range, or norm and range against ECE with
arrows from zero-shot to adapted to remedied. RUN is a run folder or a folder
with runs below it. The ending of --out names the format.

With --root or --logits, reliability and range are the figures of the paper: the
reliability of zero-shot CLIP, CoOp, CLIP-Adapter and TPT on ImageNet-V2 and
-Sketch, and their norm and range against ECE on the four shifts, on RN50. What
they need is run as by clipcalib table, below --runs, or read from saved logits;
SVG and PDF are both written.`,
		Example: "  clipcalib figure curves runs/ --out curves.pdf\n  clipcalib figure reliability runs/ " +
			"--method taskres --out reliability.svg\n" +
			"  clipcalib figure range --root data --weights RN50.pt --runs paper --out range.pdf",
		ValidArgsFunction: completeFirst(figureKinds),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 || !slices.Contains(figureKinds, args[0]):
				return usagef("figure: name the kind first: %s", strings.Join(figureKinds, ", "))
			case s.given() && !slices.Contains(paperFigures, args[0]):
				return usagef("figure %s: of the paper there are %s; name run folders for this one", args[0],
					strings.Join(paperFigures, " and "))
			case s.given() && (len(args) > 1 || method != "" || c.Flags().Changed("bins")):
				return usagef("figure %s: with --root or --logits leave out run folders, --method and --bins", args[0])
			case args[0] == "range" && !s.given():
				return usagef("figure range: it is of the paper: name --root and --weights, or --logits (norms draws runs)")
			case len(args) < 2 && !s.given():
				return usagef("figure %s: no run folder named", args[0])
			case bins < 1:
				return usagef("--bins wants at least 1")
			case !figure.Known(out):
				return usagef("--out %s: end it in %s", out, strings.Join(figure.Formats, ", "))
			case method != "" && args[0] != "reliability":
				return usagef("--method is for reliability: the other kinds show every method")
			}
			if s.given() {
				return a.paperFigure(c.Context(), args[0], out, s)
			}
			return a.figure(args[0], args[1:], out, method, bins)
		},
	}
	c.Flags().StringVar(&out, "out", "figure.svg", "the figure")
	c.Flags().StringVar(&method, "method", "", "of reliability, the method shown, as the page names it, where runs are "+
		"of several")
	c.Flags().IntVar(&bins, "bins", 10, "bins of ECE and of the diagrams")
	s.add(c, "runs", "of the paper's figures, folder of the runs")
	return c
}

// completeFirst completes the first argument with words and others with files.
func completeFirst(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return words, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

func (a *app) figure(kind string, args []string, out, method string, bins int) error {
	_, t, err := readTable("figure", args, bins, table.PostHoc{}, "")
	if err != nil {
		return err
	}
	folds, results := t.Folds(), t.Results()
	var f figure.Figure
	switch kind {
	case "reliability":
		f, err = reliabilityGrid(&t, method)
	case "curves":
		f, err = figure.Curves(results)
	case "ranges":
		f, err = figure.Ranges(results)
	case "norms":
		f, err = figure.Norms(results)
	}
	if err != nil {
		return err
	}
	if err := figure.Write(out, f); err != nil {
		return err
	}
	for _, note := range t.Notes {
		fmt.Fprintf(a.err, "figure: %s\n", note)
	}
	if a.json {
		return a.printJSON(map[string]any{"out": out, "notes": append(t.Notes, notDrawn(folds)...)})
	}
	for _, n := range notDrawn(folds) {
		a.note("%s", n)
	}
	a.note("wrote %s", out)
	return nil
}

// notDrawn says which columns a figure has no place for.
func notDrawn(folds []string) []string {
	if len(folds) == 0 {
		return nil
	}
	return []string{"not drawn, for remedies are chosen on it: " + strings.Join(folds, ", ")}
}

// reliabilityGrid is the diagrams of one method of one zero-shot reference.
func reliabilityGrid(t *table.Table, method string) (figure.Figure, error) {
	asked := method
	var names []string
	var runs []report.Run
	for _, s := range sections(t, nil, 0) {
		for _, r := range s.Runs {
			if r.Method == report.ZeroShot {
				continue
			}
			if !slices.Contains(names, r.Method) {
				names = append(names, r.Method)
			}
			if runs == nil && (method == "" || method == r.Method) {
				method, runs = r.Method, s.Runs
			}
		}
	}
	if asked == "" && len(names) > 1 {
		return nil, usagef("figure reliability: choose one with --method: %s", strings.Join(names, ", "))
	}
	if runs == nil {
		return nil, usagef("--method %s: these runs are of %s", method, strings.Join(names, ", "))
	}
	return report.MethodGrid(runs, method), nil
}
