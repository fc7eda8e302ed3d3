package cli

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"clipcalib/internal/cells"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/plan"
	"clipcalib/internal/run"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

// collectFlags are the inputs of the collect command.
type collectFlags struct {
	out    string
	tables string
	runs   string
	bank   string
	bins   int
}

func collectCommand(a *app) *cobra.Command {
	var f collectFlags
	c := &cobra.Command{
		Use:   "collect PLAN --out RESULTS",
		Short: "Tables of what came of a plan's cells, and what is missing",
		Long: `Reads the results of a plan's cells from the folder that clipcalib run wrote them
to, checks every file against its SHA-256, and shows the table of the runs that are
there. What is missing, at work, failed, damaged or there twice is said: of several
results of a cell one counts. A damaged one is marked, and no longer counts.

--tables writes the table as Markdown, LaTeX, CSV (one value a row, and a recipe a
row) and JSON. --runs copies the runs to one folder, as clipcalib adapt and tta make
them, for report, figure and eval. --bank puts encoded parts into a feature bank.

The exit code is 0 when all cells are done, 3 when something unreadable was left
out, 75 when cells are missing, and 1 when cells failed for good.`,
		Example: `  clipcalib collect plan.jsonl --out results
  clipcalib collect plan.jsonl --out results --tables tables --runs runs
  clipcalib collect encode.jsonl --out results --bank /shared/bank`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := exactly("PLAN")(c, args); err != nil {
				return err
			}
			if f.bins < 1 {
				return usagef("--bins wants at least 1")
			}
			return a.collect(c.Context(), f, args[0])
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.out, "out", "", "folder of the results, as for clipcalib run")
	fl.StringVar(&f.tables, "tables", "", "folder that tables are written to")
	fl.StringVar(&f.runs, "runs", "", "folder that the runs are copied to")
	fl.StringVar(&f.bank, "bank", "", "feature bank that encoded parts are put into")
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE")
	c.MarkFlagRequired("out")
	return c
}

// What a cell is found to be, besides done and failed.
const (
	cellMissing = "missing"
	cellAtWork  = "begun" // at work, or killed
	cellDamaged = "damaged"
	cellAgain   = "to try again"
)

// collection is what is there of a plan, in the form of JSON.
type collection struct {
	Plan      string         `json:"plan"`
	Cells     int            `json:"cells"`
	Counts    map[string]int `json:"counts"`
	Twice     int            `json:"twice"`   // results of cells that have another one too
	Foreign   int            `json:"foreign"` // cells of other plans
	LeftOut   int            `json:"left_out"`
	Engines   []string       `json:"engines,omitempty"`
	Remaining []collected    `json:"remaining"` // cells that are not done
	Partial   []collected    `json:"partial"`   // done, with something unreadable left out
	Notes     []string       `json:"notes"`

	done []cells.Attempt
}

type collected struct {
	Number int    `json:"number"`
	ID     string `json:"id"`
	Label  string `json:"label"`
	State  string `json:"state"`
	What   string `json:"what,omitempty"`
}

func (a *app) collect(ctx context.Context, f collectFlags, path string) error {
	p, err := plan.Read(path)
	if err != nil {
		return err
	}
	for _, dir := range []string{f.tables, f.runs, f.bank} {
		if dir == "" {
			continue
		}
		if err := checkOutputFolder(dir); err != nil {
			return err
		}
	}
	c, err := findCells(ctx, p, cells.Open(f.out))
	if err != nil {
		return err
	}
	c.Plan = path
	if f.bank != "" {
		if err := a.gatherBank(c.done, f.bank); err != nil {
			return err
		}
	}
	if f.runs != "" {
		if err := c.gatherRuns(f.runs); err != nil {
			return err
		}
	}
	t, err := c.table(f.bins)
	if err != nil {
		return err
	}
	if f.tables != "" {
		if err := writeTables(f.tables, t, c); err != nil {
			return err
		}
		a.note("wrote %s", f.tables)
	}
	return a.showCollection(c, t)
}

// findCells looks for every cell of a plan.
func findCells(ctx context.Context, p *plan.Plan, store cells.Store) (*collection, error) {
	c := &collection{Cells: len(p.Cells), Counts: map[string]int{}, Remaining: []collected{}, Partial: []collected{},
		Notes: []string{}}
	ids := map[string]bool{}
	for _, one := range p.Cells {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ids[one.ID] = true
		attempts, err := store.Find(one.ID)
		if err != nil {
			return nil, err
		}
		c.take(one, attempts)
	}
	there, err := store.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range there {
		if !ids[id] {
			c.Foreign++
		}
	}
	return c, nil
}

// take notes what there is of a cell. A result is read before it counts.
func (c *collection) take(one plan.Cell, attempts []cells.Attempt) {
	entry := collected{Number: one.Number, ID: one.ID, Label: one.Label}
	for {
		best, others, differ := cells.Best(attempts)
		if best == nil {
			break
		}
		if err := best.Check(); err != nil {
			if marked := best.Condemn(err.Error()); marked != nil {
				c.note("cell %d: %v; it cannot be marked (%v): remove %s", one.Number, err, marked, best.Dir)
			}
			continue
		}
		if others > 0 {
			c.Twice += others
			if differ {
				c.note("cell %d has %d results that differ: that of %s counts", one.Number, others+1, best.Dir)
			}
		}
		c.Counts[cellDone]++
		c.done = append(c.done, *best)
		if best.Done.ExitCode == exitcode.Partial {
			entry.State, entry.What = cellDone, best.Done.LeftOut
			c.LeftOut++
			c.Partial = append(c.Partial, entry)
		}
		return
	}
	entry.State, entry.What = stateOf(attempts)
	c.Counts[entry.State]++
	c.Remaining = append(c.Remaining, entry)
}

// stateOf says what a cell without a result is.
func stateOf(attempts []cells.Attempt) (state, what string) {
	if last := cells.Last(attempts); last != nil {
		if forGood(last.Failed.ExitCode) {
			return cellFailed, last.Failed.Error
		}
		return cellAgain, last.Failed.Error
	}
	for _, a := range attempts {
		if a.Why != "" {
			return cellDamaged, a.Why
		}
	}
	if len(attempts) == 0 {
		return cellMissing, ""
	}
	b := attempts[len(attempts)-1].Begun
	return cellAtWork, fmt.Sprintf("at work or killed: %s, since %s", b.Host, b.Time)
}

func (c *collection) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// threads are in an engine's name, and change no result.
var threads = regexp.MustCompile(`, \d+ threads?`)

// table is the table of the runs that are there.
func (c *collection) table(bins int) (*table.Table, error) {
	var dirs []string
	for i := range c.done {
		if c.done[i].Done.Run != "" {
			dirs = append(dirs, c.done[i].RunDir())
		}
	}
	if len(dirs) == 0 {
		return nil, nil
	}
	for _, dir := range dirs {
		r, err := run.ReadRecipe(dir)
		if err != nil {
			continue // the table says what is wrong
		}
		if engine := threads.ReplaceAllString(r.Engine, ""); engine != "" && !slices.Contains(c.Engines, engine) {
			c.Engines = append(c.Engines, engine)
		}
	}
	if len(c.Engines) > 1 {
		c.note("the runs are of %d engines, whose results may differ in their last bits: %s", len(c.Engines),
			strings.Join(c.Engines, "; "))
	}
	found, without, err := table.Read(dirs, bins)
	if err != nil {
		return nil, err
	}
	if len(without) > 0 {
		c.note("%d runs were evaluated on nothing and have no row", len(without))
	}
	if len(found) == 0 {
		return nil, nil
	}
	t := table.Make(found, bins)
	c.Notes = append(c.Notes, t.Notes...)
	return &t, nil
}

// shown bounds what people are told one by one.
const shown = 20

func (a *app) showCollection(c *collection, t *table.Table) error {
	if a.json {
		if err := a.printJSON(struct {
			*collection
			Table *table.Table `json:"table,omitempty"`
		}{c, t}); err != nil {
			return err
		}
	} else if t != nil {
		if err := a.printTable(t.Wide(table.Main)); err != nil {
			return err
		}
	}
	a.note("%s: %s", c.Plan, c.words())
	for _, n := range c.Notes {
		a.note("%s", n)
	}
	for i, e := range slices.Concat(c.Remaining, c.Partial) {
		if i == shown {
			a.note("... and %d more (--json lists all)", len(c.Remaining)+len(c.Partial)-i)
			break
		}
		a.note("cell %d, %s: %s%s", e.Number, e.Label, e.State, cond(e.What != "", ": "+e.What))
	}
	return c.end()
}

func (c *collection) words() string {
	words := []string{fmt.Sprintf("%d of %d cells are done", c.Counts[cellDone], c.Cells)}
	for _, state := range []string{cellMissing, cellAtWork, cellAgain, cellDamaged, cellFailed} {
		if n := c.Counts[state]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, state))
		}
	}
	if c.Twice > 0 {
		words = append(words, fmt.Sprintf("%d results are there twice and count once", c.Twice))
	}
	if c.Foreign > 0 {
		words = append(words, fmt.Sprintf("%d cells of other plans are there too", c.Foreign))
	}
	return strings.Join(words, ", ")
}

// end is how the command ends: what may still come decides.
func (c *collection) end() error {
	failed := c.Counts[cellFailed]
	switch waiting := len(c.Remaining) - failed; {
	case waiting > 0:
		return incomplete{fmt.Errorf("%d of %d cells are not done: %s; do them with clipcalib run", waiting+failed,
			c.Cells, ranges(c.Remaining))}
	case failed > 0:
		return fmt.Errorf("%d of %d cells failed for good: %s", failed, c.Cells, ranges(c.Remaining))
	case c.LeftOut > 0:
		return exitcode.LeftOut{What: fmt.Sprintf("all cells are done, but %d left out what could not be read",
			c.LeftOut)}
	}
	return nil
}

// incomplete is the error of a plan whose cells are not all done yet.
type incomplete struct{ error }

// ExitCode is TryAgain.
func (incomplete) ExitCode() int { return exitcode.TryAgain }

// ranges lists cells' numbers as schedulers take them, as in 3,5-9.
func ranges(of []collected) string {
	var out []string
	for i := 0; i < len(of); {
		j := i
		for j+1 < len(of) && of[j+1].Number == of[j].Number+1 {
			j++
		}
		text := fmt.Sprint(of[i].Number)
		if j > i {
			text += fmt.Sprintf("-%d", of[j].Number)
		}
		if out = append(out, text); len(out) == shown && j+1 < len(of) {
			out = append(out, "...")
			break
		}
		i = j + 1
	}
	return strings.Join(out, ",")
}
