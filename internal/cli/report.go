package cli

import (
	"fmt"
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
	var bins, draws int
	var scalers postHocFlags
	var sets setFlags
	var fold string
	c := &cobra.Command{
		Use:   "report RUN...",
		Short: "One self-contained HTML page of runs: reliability diagrams, logit ranges, tables",
		Long: `Makes the page, or a table, from the logits on disk alone. RUN is a run folder or
a folder with runs below it. Runs are grouped by their whole recipe: those that
differ in the seed alone are one row, shown as mean and spread with their number,
and what differs between rows becomes a column. What a row lacks, a seed that was
found twice and a run without an evaluation are said. Targets of one name that
hold other pictures are told apart by the start of data_sha256.

Rows of several seeds show their standard deviation, with Student's interval of the
mean in csv, wide and json; rows of one run have Wilson's interval of the accuracy and
bootstrap intervals of the rest. Remedies are compared with none, paired by seed and
by sample; how many differences are told from zero once their number is counted
(Benjamini and Hochberg, 5 %), and how small a one could be seen, is said.

--post-hoc adds rows such as TaskRes + temperature: a scaler of clipcalib calibrate,
fitted for every run on its own logits of its validation fold (eval RUN --data
SOURCE#val), never on samples that are measured; on the fold itself each fifth is
mapped by a fit on the others. --calibrator adds rows of one that was fitted
elsewhere and is applied as it is. Every format says what was fitted on what.

--sets makes conformal sets where a run was evaluated on its validation fold: by the
scores lac, aps and raps, by conf-ot, and, of runs on feature files, for the zero-shot
row by prototypes that are adapted to the fold (ss-text, full; see clipcalib conformal).
With --splits they are calibrated on half of what is measured instead, drawn so often.`,
		Example: "  clipcalib report runs/ --out report.html\n  clipcalib report runs/a runs/b --format md\n" +
			"  clipcalib report runs/ --post-hoc temperature,isotonic --format text",
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
			if draws != automatic && draws != 0 && (draws < 20 || draws > 1_000_000) {
				return usagef("--draws %d: want 20 to 1000000, or 0 for no bootstrap", draws)
			}
			if err := sets.check(); err != nil {
				return err
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
			p, err := scalers.open()
			if err != nil {
				return err
			}
			o := reportOptions{out, format, bins, draws, sets.coverage, sets.given(), sets.kinds, sets.splits, p, fold}
			return a.report(args, o)
		},
	}
	c.Flags().StringVar(&out, "out", "report.html", "the page")
	c.Flags().StringVar(&format, "format", "html",
		"html, or a table on standard output: "+strings.Join(reportFormats[1:],
			", ")+" (csv has one value a row, wide a row a recipe)")
	c.Flags().IntVar(&bins, "bins", 10, "bins of ECE and of the diagrams")
	c.Flags().IntVar(&draws, "draws", automatic, "bootstrap draws of intervals and differences; 0 leaves them out, "+
		"-1 makes 1000, or of a large grid fewer and at least 400")
	sets.add(c, "a run was evaluated on its validation fold")
	sets.addSplits(c)
	c.Flags().StringVar(&fold, "fold", "", "of runs on feature files, the target that is their validation fold")
	scalers.add(c)
	completes(c, "format", reportFormats...)
	return c
}

// automatic stands for as many bootstrap draws as take some seconds.
const automatic = -1

// drawsFor is the number of draws for a table: 1,000, and fewer where its rows
// hold many samples.
func drawsFor(t *table.Table) int {
	samples := 0
	for _, g := range t.Groups {
		for _, cell := range g.Cells {
			for _, e := range cell {
				samples += 2 * len(e.Ranges)
			}
		}
	}
	const work = 5e8 // samples drawn, about ten seconds of one core
	return min(1000, max(400, int(work/float64(max(samples, 1)))))
}

// reportOptions say what report makes.
type reportOptions struct {
	out, format string
	bins, draws int
	coverage    float64
	showSets    bool // in text tables too
	sets        []string
	splits      int // of what is measured, in place of the fold
	scalers     table.PostHoc
	fold        string
}

func (a *app) report(args []string, o reportOptions) error {
	found, t, err := readTable("report", args, o.bins, o.scalers, o.fold)
	if err != nil {
		return err
	}
	if !a.json || o.out != "" {
		var notes []string
		if o.splits > 0 {
			notes, err = t.ConformalSplits(o.coverage, o.splits, o.sets...)
		} else {
			notes, err = t.Conformal(o.coverage, o.sets...)
		}
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		t.Notes = append(t.Notes, notes...)
		all, err := compared(&t, &o)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		if err := a.writeTable(&t, o, all); err != nil {
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

// compared draws what the table's intervals need, and the differences.
func compared(t *table.Table, o *reportOptions) ([]table.Difference, error) {
	if o.draws == automatic {
		o.draws = drawsFor(t)
	}
	if o.draws == 0 {
		return nil, nil
	}
	opt := calib.BootstrapOptions{Draws: o.draws}
	if err := t.Resample(opt); err != nil {
		return nil, err
	}
	results := t.Results()
	all, notes, err := results.Differences(opt)
	t.Notes = append(t.Notes, notes...)
	if o.format != "html" { // whose sections say it
		t.Notes = append(t.Notes, table.DifferenceNotes(all, o.draws)...)
	}
	return all, err
}

// readTable reads the runs below some folders, with rows under the scalers, and
// groups them.
func readTable(command string, args []string, bins int, p table.PostHoc,
	fold string) (found []table.Evaluation, t table.Table, err error) {
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
	if fold != "" {
		if err := table.TakeFold(found, fold); err != nil {
			return nil, t, fmt.Errorf("%s --fold %s: %w", command, fold, err)
		}
	}
	found, notes, err := p.Add(found)
	if err != nil {
		return nil, t, fmt.Errorf("%s: %w", command, err)
	}
	t = table.Make(found, bins)
	t.Notes = append(t.Notes, notes...)
	for _, dir := range without {
		t.Notes = append(t.Notes, fmt.Sprintf("%s has no finished evaluation and is in no row", dir))
	}
	return found, t, nil
}

func (a *app) writeTable(t *table.Table, o reportOptions, all []table.Difference) error {
	shown := table.Main
	if o.showSets {
		shown = slices.Concat(table.Main, table.SetMetrics(o.sets...))
	}
	switch o.format {
	case "text":
		return a.printTable(t.Wide(shown))
	case "md":
		return t.Wide(shown).WriteMarkdown(a.out)
	case "latex":
		return t.Wide(shown).WriteLaTeX(a.out)
	case "csv":
		return t.WriteTidy(a.out)
	case "wide":
		return t.WriteWide(a.out)
	case "json":
		return a.printJSON(t)
	}
	folds := t.Folds()
	on := fmt.Sprintf("%d targets", len(t.Targets)-len(folds))
	if len(t.Targets)-len(folds) == 1 {
		on = "one target"
	}
	switch len(folds) {
	case 0:
	case 1:
		on += " and a validation fold"
	default:
		on += fmt.Sprintf(" and %d validation folds", len(folds))
	}
	page := report.Page{
		Title: "Calibration of adapted CLIP",
		Subtitle: fmt.Sprintf("%d recipes on %s; ECE of %d bins of equal width over whole sets, every sample in one",
			len(t.Groups), on, t.Bins),
		Sections: sections(t, all, o.draws),
		Notes:    slices.Clone(t.Notes),
	}
	for _, name := range folds {
		page.Notes = append(page.Notes, name+" is a validation fold: remedies are chosen on it, and it has no column")
	}
	if err := page.WriteFile(o.out); err != nil {
		return err
	}
	a.note("wrote %s", o.out)
	return nil
}

// sections puts the rows of one zero-shot reference together: a method is
// compared with the zero-shot model of its own weights and prompts.
func sections(t *table.Table, all []table.Difference, draws int) []report.Section {
	var out []report.Section
	folds := t.Folds()
	for _, part := range t.ByReference() {
		s := report.Section{Title: "Results", Text: part.About}
		var of []table.Difference
		for _, g := range part.Groups {
			method := g.Fields["method"]
			if setting := part.Setting(g); setting != "" && method != table.ZeroShot {
				method += " (" + setting + ")"
			}
			for _, d := range all {
				if d.Group.Key() == g.Key() {
					of = append(of, d)
					s.Differences = append(s.Differences, report.Difference{Method: method, Remedy: g.Fields["remedy"],
						Target: d.Target, Metric: d.Metric, Value: d.Value, Low: d.Low, High: d.High,
						Adjusted:   d.Adjusted,
						Detectable: d.Detectable, IncludesZero: d.IncludesZero, Told: d.Told()})
				}
			}
			seeds := seedNumbers{}
			for _, c := range t.Targets {
				if slices.Contains(folds, c.Name) {
					continue
				}
				for _, e := range g.Cells[c.Name] {
					s.Classes = max(s.Classes, e.Classes)
					s.Runs = append(s.Runs, report.Run{
						Method: method, Remedy: g.Fields["remedy"], Seed: seeds.number(e.Seed), Target: c.Name,
						Source:  c.Source,
						Metrics: e.Metrics, Reliability: e.Predictions.Reliability(t.Bins), Validation: validation(t, g,
							e.Seed),
						Intervals: intervals(g, c.Name), Sets: e.Sets(),
					})
				}
			}
		}
		s.BaseToNew = part.BaseToNew()
		s.DifferenceNotes = table.DifferenceNotes(of, draws)
		alike, differing := part.Recipes()
		s.Recipes = differing
		for _, field := range alike {
			s.Settings = append(s.Settings, report.Setting{Name: field[0], Value: field[1]})
		}
		out = append(out, s)
	}
	return out
}

// intervals are those of a cell of one run.
func intervals(g table.Group, target string) map[string]table.Interval {
	if len(g.Cells[target]) != 1 {
		return nil
	}
	out := map[string]table.Interval{}
	for _, key := range []string{"accuracy", "ece", "logit_range"} {
		if i, ok := g.Interval(target, key); ok {
			out[key] = i
		}
	}
	return out
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
