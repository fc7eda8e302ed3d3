package cli

import (
	"fmt"
	"os"
	"strings"

	"clipcalib/internal/exitcode"
	"clipcalib/internal/referee"

	"github.com/spf13/cobra"
)

func refereeCommand(a *app) *cobra.Command {
	var list, text, all, strict bool
	c := &cobra.Command{
		Use:   "referee FILE|NAME...",
		Short: "Recompute what can be of a published table: averages, changes, copies, impossible figures",
		Long: `Reads a published table and recomputes what can be recomputed of it, each figure
with the rounding it is printed with: averages over columns and rows, changes in
brackets, figures that a sample-wise scaling of logits cannot change, figures that
repeat another row's more often than chance gives, accuracies that no k of N
gives, an MCE below its ECE, an ECE below the gap of accuracy and mean
confidence, standard deviations that so few runs cannot have, marks of the best.
A figure agrees, differs, is impossible, or repeats.

FILE is YAML:

  title: "Table 2"
  source: where it was read
  bins: 15               # of its ECE
  seeds: 3               # runs behind each figure, where known
  tables:
    - name: RN50
      columns: [INet, DTD, Avg]
      average: Avg       # the column that averages the others, "-" for none
      samples: {INet: 50000, DTD: 1692}
      rows:
        - {row: TPT, metric: accuracy, cells: [60.74, 42.08, 51.41]}
        - {row: TPT, metric: ece, cells: [11.34, 25.29, 18.31]}
        - {row: TPT + SaLS, metric: accuracy, of: TPT, keeps: [accuracy],
           cells: [60.74 ± 0.02, 42.08 (+0.00), 51.41]}

or one table as CSV with the columns row, metric, of, keeps, mean_of, seeds and
those of the figures, below lines such as "# average: Avg" and "# samples:
INet=50000, DTD=1692". Metrics are ` + strings.Join(referee.Metrics, ", ") + `.
A cell may hold a deviation (± 0.02), a change from the row of (+0.31) and a mark
of the best (*); - is none. Cells with + or ( in them are quoted in YAML.

NAME is a table that comes with the program; --list lists them. The exit code is
0 whatever is found, and with --strict 1 if a figure does not agree.`,
		Example: "  clipcalib referee eccv-tta tcpt\n  clipcalib referee table2.csv --strict",
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case list && (len(args) > 0 || text || all || strict):
				return usagef("referee --list takes no names and no other flags")
			case list:
				return a.listPublished()
			case len(args) == 0:
				return usagef("referee: name a file, or a table of referee --list")
			case text:
				return a.publishedText(args)
			}
			return a.referee(args, all, strict)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return referee.ShippedNames(), cobra.ShellCompDirectiveDefault
		},
	}
	f := c.Flags()
	f.BoolVar(&list, "list", false, "list the tables that come with the program")
	f.BoolVar(&text, "show", false, "print the tables as they are read, to change and give back as a file")
	f.BoolVar(&all, "all", false, "show every figure that was checked, and what could not be")
	f.BoolVar(&strict, "strict", false, "exit with 1 if a figure does not agree")
	return c
}

func (a *app) listPublished() error {
	type published struct {
		Name   string `json:"name"`
		Title  string `json:"title"`
		Source string `json:"source"`
		Tables int    `json:"tables"`
	}
	var out []published
	for _, f := range referee.Shipped() {
		out = append(out, published{f.Name, f.Title, f.Source, len(f.Tables)})
	}
	if a.json {
		return a.printJSON(out)
	}
	for _, p := range out {
		fmt.Fprintf(a.out, "%s\n    %s\n    from %s\n", p.Name, p.Title, p.Source)
	}
	return nil
}

func (a *app) publishedText(args []string) error {
	for _, name := range args {
		raw, err := referee.ShippedText(name)
		if err != nil {
			return usageError{err}
		}
		if _, err := a.out.Write(raw); err != nil {
			return err
		}
	}
	return nil
}

// readPublished reads a file, or a table that comes with the program where no
// file has the name.
func readPublished(name string) (referee.File, error) {
	_, err := os.Stat(name)
	if referee.IsShipped(name) && err != nil {
		return referee.ReadShipped(name)
	}
	if err != nil && !strings.ContainsAny(name, "./\\") {
		_, err := referee.ReadShipped(name)
		return referee.File{}, usageError{err}
	}
	return referee.Read(name)
}

func (a *app) referee(args []string, all, strict bool) error {
	var reports []referee.Report
	against := 0
	for _, name := range args {
		f, err := readPublished(name)
		if err != nil {
			return fmt.Errorf("referee: %w", err)
		}
		r := referee.Examine(f)
		against += len(r.Findings())
		reports = append(reports, r)
	}
	if a.json {
		if err := a.printJSON(reports); err != nil {
			return err
		}
	} else {
		for i, r := range reports {
			if i > 0 {
				fmt.Fprintln(a.out)
			}
			a.printReferee(r, all)
		}
	}
	if strict && against > 0 {
		return refereed(against)
	}
	return nil
}

// refereed is the error of --strict: as many findings.
type refereed int

func (n refereed) Error() string {
	return fmt.Sprintf("%d findings against the published figures (--strict)", int(n))
}

// ExitCode says that trying again won't help.
func (refereed) ExitCode() int { return exitcode.Failed }

// kindWords are the kinds of checks as they are counted for people.
var kindWords = map[string]string{
	referee.Average: "averages", referee.Mean: "averages of rows", referee.Change: "changes",
	referee.Kept: "kept figures", referee.Copy: "repeats", referee.Share: "accuracies as k of N",
	referee.Bound:     "figures within bounds",
	referee.Deviation: "deviations", referee.Best: "marks of the best",
}

func (a *app) printReferee(r referee.Report, all bool) {
	fmt.Fprintf(a.out, "%s: %s\n", r.Name, r.Title)
	if r.Source != "" {
		fmt.Fprintf(a.out, "from %s\n", r.Source)
	}
	shown := r.Findings()
	if all {
		shown = r.Checks
	}
	last := ""
	for _, c := range shown {
		if c.Table != last {
			fmt.Fprintf(a.out, "\n%s\n", c.Table)
			last = c.Table
		}
		fmt.Fprintf(a.out, "  %-10s  %s\n", c.Verdict, refereeLine(c))
	}
	fmt.Fprintln(a.out)
	for _, kind := range r.Kinds() {
		checked, agree := r.Count(kind)
		if kind == referee.Copy {
			fmt.Fprintf(a.out, "%s: %d pairs of rows\n", kindWords[kind], checked)
			continue
		}
		fmt.Fprintf(a.out, "%s: %d of %d agree\n", kindWords[kind], agree, checked)
	}
	if !all && len(r.Unchecked) > 0 {
		fmt.Fprintf(a.out, "could not be checked: %d figures (--all names them)\n", len(r.Unchecked))
	}
	if all {
		for _, u := range r.Unchecked {
			fmt.Fprintf(a.out, "not checked: %s\n", u)
		}
	}
}

// refereeLine says a check in a line.
func refereeLine(c referee.Check) string {
	line := strings.TrimSpace(c.Row + " " + c.Metric)
	switch c.Kind {
	case referee.Copy:
		return line + ": " + c.Printed + " figures are " + c.Words
	case referee.Change, referee.Deviation:
		line += ", " + c.Kind + " under " + c.Column
	default:
		line += ", " + c.Column
	}
	line += ": printed " + c.Printed
	if c.Computed != "" {
		line += ", computed " + c.Computed
	}
	if c.By != 0 && c.Verdict != referee.Agrees {
		line += fmt.Sprintf(" (%+.3g)", c.By)
	}
	if c.Words != "" {
		line += ": " + c.Words
	}
	return line
}
