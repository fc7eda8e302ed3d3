package cli

import (
	"fmt"
	"strconv"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/table"
)

// gridDone shows what came of the cells, in a table of their recipes and of what
// scalers make of them. The error is the worst of theirs.
func (a *app) gridDone(bins int, results []cellResult, left gridAccount, scalers table.PostHoc) error {
	return a.cellsDone(results, left, gridShow{
		table: func(dirs []string) error { return a.showRecipes(bins, dirs, scalers) },
		scaled: func(dirs []string) (scaledRows, error) {
			if !scalers.Any() {
				return scaledRows{}, nil
			}
			return readScaled(bins, dirs, scalers)
		},
	})
}

// gridShow is how a command shows what was measured: for people, and what its
// JSON has beside the cells.
type gridShow struct {
	table  func(dirs []string) error
	scaled func(dirs []string) (scaledRows, error)
}

// scaledRows are the evaluations under scalers.
type scaledRows struct {
	Evaluations []table.Evaluation `json:"post_hoc,omitempty"`
	Notes       []string           `json:"post_hoc_notes,omitempty"`
}

func readScaled(bins int, dirs []string, scalers table.PostHoc) (out scaledRows, err error) {
	found, _, err := table.Read(dirs, bins)
	if err != nil {
		return out, err
	}
	all, notes, err := scalers.Add(found)
	if err != nil {
		return out, err
	}
	for _, e := range all {
		if e.FittedOn() != nil {
			out.Evaluations = append(out.Evaluations, e)
		}
	}
	out.Notes = notes
	return out, nil
}

// cellsDone shows what came of the cells.
func (a *app) cellsDone(results []cellResult, left gridAccount, show gridShow) error {
	counts := map[string]int{}
	worst := exitcode.Done
	var dirs []string
	for _, r := range results {
		counts[r.State]++
		switch {
		case r.ExitCode == exitcode.Failed, r.ExitCode == exitcode.TryAgain && worst == exitcode.Done:
			worst = r.ExitCode
		}
		if len(r.Targets) > 0 && r.State != cellFailed {
			dirs = append(dirs, r.Run)
		}
	}
	if err := a.showCells(results, counts, dirs, show); err != nil {
		return err
	}
	for _, r := range results {
		if r.State == cellFailed {
			fmt.Fprintf(a.err, "failed: %s: %s\n", r.Cell, r.Error)
		}
	}
	if worst != exitcode.Done {
		return cellsFailed{counts[cellFailed], len(results), worst}
	}
	return left.end()
}

func (a *app) showCells(results []cellResult, counts map[string]int, dirs []string, show gridShow) error {
	if a.json {
		var scaled scaledRows
		if show.scaled != nil {
			var err error
			if scaled, err = show.scaled(dirs); err != nil {
				return err
			}
		}
		return a.printJSON(struct {
			Cells  []cellResult   `json:"cells"`
			Counts map[string]int `json:"counts"`
			scaledRows
		}{results, counts, scaled})
	}
	var words []string
	for _, state := range []string{cellTrained, cellShared, cellKept, cellDone, cellFailed} {
		if n := counts[state]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, state))
		}
	}
	a.note("%d runs: %s", len(results), strings.Join(words, ", "))
	if len(dirs) == 0 {
		return nil
	}
	if err := show.table(dirs); err != nil {
		return err
	}
	printProtocols(a.out, results)
	return nil
}

// showRecipes prints the runs as rows of their recipes.
func (a *app) showRecipes(bins int, dirs []string, scalers table.PostHoc) error {
	found, _, err := table.Read(dirs, bins)
	if err != nil {
		return err
	}
	found, notes, err := scalers.Add(found)
	if err != nil {
		return err
	}
	t := table.Make(found, bins)
	if err := a.printTable(t.Wide(table.Main)); err != nil {
		return err
	}
	if t.Averages() {
		a.note("figures are means ± standard deviations over the n seeds of a row; report --format csv says which")
	}
	for _, n := range append(notes, t.Notes...) {
		a.note("%s", n)
	}
	return nil
}

// showEvaluated prints a row for every run and target.
func (a *app) showEvaluated(results []cellResult) error {
	g := table.Grid{Left: 2, Groups: []int{2, 4},
		Header: []string{"run", "target", "acc", "ECE", "zero-shot acc", "zero-shot ECE"}}
	percent := func(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) }
	for i, r := range results {
		if i > 0 && len(r.Targets) > 0 {
			g.Rules = append(g.Rules, len(g.Rows))
		}
		for _, t := range r.Targets {
			g.Rows = append(g.Rows, []string{t.Run, t.Target, percent(t.Metrics.Accuracy), percent(t.Metrics.ECE),
				percent(t.ZeroShot.Accuracy), percent(t.ZeroShot.ECE)})
		}
	}
	return a.printTable(g)
}

// cellsFailed is the error of a grid some of whose cells failed.
type cellsFailed struct{ failed, of, code int }

func (e cellsFailed) Error() string {
	return fmt.Sprintf("%d of %d cells failed (listed above); the others are done, and the same command keeps them",
		e.failed, e.of)
}

// ExitCode is the worst of the cells'.
func (e cellsFailed) ExitCode() int { return e.code }

// gridAccount counts files that many cells saw once.
type gridAccount map[string]bool

func (g gridAccount) add(set string, of data.Account) {
	for _, f := range of.Unreadable {
		g[set+"\x00"+f.File] = true
	}
}

func (g gridAccount) end() error {
	if len(g) == 0 {
		return nil
	}
	return exitcode.LeftOut{What: fmt.Sprintf("done, but %d pictures could not be read (named above) and are left out",
		len(g))}
}
