package recipe

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"clipcalib/internal/named"
	"clipcalib/internal/referee"

	"go.yaml.in/yaml/v3"
)

//go:embed tables/*.yaml
var tableFiles embed.FS

// Table is one of the paper's tables: what is run for it, and what was published.
type Table struct {
	ID        string  // adapters, prompts, tta, or figures: the sets that the figures show
	Title     string  `yaml:"title"`
	Published string  `yaml:"published"` // table of package referee
	Unknown   string  `yaml:"unknown"`   // why some published figures are not here
	Blocks    []Block `yaml:"blocks"`
	published referee.File
}

// Name is the table's.
func (t Table) Name() string { return t.ID }

// Block is the rows of one model.
type Block struct {
	Model   string            `yaml:"name"`
	In      string            `yaml:"in"`      // the published table's name, "" for none
	Sets    []string          `yaml:"sets"`    // columns, as the catalog names them
	Columns []string          `yaml:"columns"` // of the published table, nil where it has averages alone
	Average map[string]string `yaml:"average"` // its columns of averages, by metric
	Rows    []Row             `yaml:"-"`
	Written []writtenRow      `yaml:"rows"`
}

// Row is a line of the table.
type Row struct {
	Label   string   // as published
	Of      string   // the row without a remedy, "" for that row itself
	Method  string   // of the runs
	Remedy  string   // of the runs
	Recipes []string // that have its cells; each has some of the sets
	Scaler  string   // after the remedy, fitted on labelled logits; "" for none
}

type writtenRow struct {
	Row      string   `yaml:"row"`
	Method   string   `yaml:"method"`
	Recipes  []string `yaml:"recipes"`
	Remedies bool     `yaml:"remedies"` // a row for each remedy too
}

// remedyLabels are the remedies as the paper writes them, in its order.
var remedyLabels = [][2]string{{"zs-norm", "ZS-Norm"}, {"penalty", "Penalty"}, {"sals", "SaLS"}}

func (w writtenRow) rows() []Row {
	method := w.Method
	if method == "" {
		method = ZeroShotMethod
	}
	out := []Row{{Label: w.Row, Method: method, Remedy: "none", Recipes: w.Recipes}}
	if w.Remedies {
		for _, r := range remedyLabels {
			out = append(out, Row{w.Row + " + " + r[1], w.Row, method, r[0], w.Recipes, ""})
		}
	}
	return out
}

var allTables = sync.OnceValue(func() []Table {
	var out []Table
	for _, name := range []string{"adapters", "prompts", "tta", "figures"} {
		raw, err := tableFiles.ReadFile("tables/" + name + ".yaml")
		t := Table{ID: name}
		if err == nil {
			err = yaml.Unmarshal(raw, &t)
		}
		if err == nil {
			t.published, err = referee.ReadShipped(t.Published)
		}
		if err != nil {
			panic("recipe: table " + name + ": " + err.Error()) // part of the program
		}
		for i := range t.Blocks {
			for _, w := range t.Blocks[i].Written {
				t.Blocks[i].Rows = append(t.Blocks[i].Rows, w.rows()...)
			}
		}
		out = append(out, t)
	}
	return out
})

// Tables lists the paper's tables.
func Tables() []Table { return slices.Clone(allTables()) }

// FindTable returns the table of a name.
func FindTable(name string) (Table, error) { return named.Find("table", name, allTables()) }

// Source says where the published figures were read.
func (t Table) Source() string { return t.published.Source }

// WithScalers is the table with a row for every scaler behind each of its rows,
// which has no published figures.
func (t Table) WithScalers(names []string) Table {
	if len(names) == 0 {
		return t
	}
	t.Blocks = slices.Clone(t.Blocks)
	for i, b := range t.Blocks {
		var rows []Row
		for _, r := range b.Rows {
			rows = append(rows, r)
			for _, name := range names {
				s := r
				s.Label, s.Scaler = r.Label+" + "+name, name
				if s.Of == "" {
					s.Of = r.Label
				}
				rows = append(rows, s)
			}
		}
		t.Blocks[i].Rows = rows
	}
	return t
}

// Recipes are the names of all recipes of the table, in its order.
func (t Table) Recipes() (names []string) {
	for _, b := range t.Blocks {
		for _, r := range b.Rows {
			for _, name := range r.Recipes {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// remedies are those of a recipe that the table has rows of.
func (t Table) remedies(recipe string) (out []string) {
	for _, b := range t.Blocks {
		for _, r := range b.Rows {
			if slices.Contains(r.Recipes, recipe) && !slices.Contains(out, r.Remedy) {
				out = append(out, r.Remedy)
			}
		}
	}
	return out
}

// The metrics that the paper prints.
const (
	Accuracy = "accuracy"
	ECE      = "ece"
)

// Expected is a published figure, in percent.
type Expected struct {
	Value   float64
	Text    string // as printed
	Erratum string // what recomputing it found, "" where it agrees
}

// Expect is the published figure of a row for a set, "" meaning the average;
// false where there is none.
func (t Table) Expect(b Block, row Row, metric, set string) (Expected, bool) {
	if b.In == "" {
		return Expected{}, false
	}
	column := b.Average[metric]
	if set != "" {
		i := slices.Index(b.Sets, set)
		if i < 0 || i >= len(b.Columns) {
			return Expected{}, false
		}
		column = b.Columns[i]
	}
	f, ok := t.published.Figure(b.In, row.Label, metric, column)
	if !ok {
		return Expected{}, false
	}
	e := Expected{Value: f.Value, Text: f.Text}
	for _, c := range errata(t.Published) {
		if c.Table == b.In && c.Row == row.Label && c.Metric == metric && c.Column == column {
			e.Erratum = erratum(c)
		}
	}
	return e, true
}

// erratum words a finding beside its figure.
func erratum(c referee.Check) string {
	words := fmt.Sprintf("the printed %s is %s", c.Kind, c.Printed)
	if c.Kind != referee.Average {
		words = fmt.Sprintf("the %s beside it, %s,", c.Kind, c.Printed)
	}
	if c.Computed != "" {
		words += fmt.Sprintf(" where recomputing gives %s", c.Computed)
	}
	if c.Words != "" {
		words += ": " + c.Words
	}
	return strings.Replace(words, ", where", " where", 1)
}

var errataOf sync.Map // findings by the name of the published table

func errata(name string) []referee.Check {
	if v, ok := errataOf.Load(name); ok {
		return v.([]referee.Check)
	}
	f, err := referee.ReadShipped(name)
	if err != nil {
		return nil
	}
	found := referee.Examine(f).Findings()
	errataOf.Store(name, found)
	return found
}
