package paper

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/recipe"
	"clipcalib/internal/table"
)

// Formats are the forms that a sheet can be written in.
var Formats = []string{"text", "md", "latex", "csv", "json", "html"}

// Grids are all tables of a sheet, in order.
func (s Sheet) Grids() (out []table.Grid) {
	for _, b := range s.Blocks {
		out = append(out, b.grids()...)
	}
	return out
}

// grids are a block's tables; those by set only where they would hold a figure.
func (b Block) grids() []table.Grid {
	out := append([]table.Grid{b.Averages()}, b.setGrids()...)
	for _, l := range b.Lines {
		for _, e := range l.Sets {
			if e.Accuracy != nil || e.PaperAccuracy != nil {
				return append(out, b.BySet(recipe.Accuracy), b.BySet(recipe.ECE))
			}
		}
	}
	return out
}

// remarks are the lines under the tables.
func (s Sheet) remarks() []string {
	out := []string{Legend, "The paper's figures: " + s.Published + "."}
	if s.Unknown != "" {
		out = append(out, "Figures of the paper that are not here: "+s.Unknown+".")
	}
	out = append(append(out, s.setRemarks()...), s.Notes...)
	return append(out, s.whyAbsent()...)
}

// Write writes a sheet in one of the Formats; columns is the width for text.
func (s Sheet) Write(w io.Writer, format string, columns int) error {
	switch format {
	case "csv":
		return s.writeCSV(w)
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	case "html":
		return s.writeHTML(w)
	case "text", "md", "latex":
	default:
		return fmt.Errorf("unknown format %q; known are %s", format, strings.Join(Formats, ", "))
	}
	var b bytes.Buffer
	switch format {
	case "md":
		fmt.Fprintf(&b, "# %s\n\n", s.Title)
	case "latex":
		fmt.Fprintf(&b, "%% %s\n%% \\usepackage{booktabs}\n", s.Title)
	default:
		fmt.Fprintf(&b, "%s\n\n", s.Title)
	}
	for _, g := range s.Grids() {
		var err error
		switch format {
		case "md":
			err = g.WriteMarkdown(&b)
		case "latex":
			err = g.WriteLaTeX(&b)
		default:
			err = g.WriteFitting(&b, columns)
		}
		if err != nil {
			return err
		}
		b.WriteString("\n")
	}
	for _, line := range s.remarks() {
		switch format {
		case "md":
			line = "- " + line
		case "latex":
			line = "% " + line
		}
		b.WriteString(line + "\n")
	}
	_, err := b.WriteTo(w)
	return err
}

func (s Sheet) whyAbsent() []string { return WhyAbsent(s.Absent) }

// WhyAbsent says what has no figure, by the reason.
func WhyAbsent(absent []Absent) (out []string) { return byReason("no figure", absent) }

func byReason(what string, absent []Absent) (out []string) {
	var whys []string
	of := map[string][]Absent{}
	for _, a := range absent {
		if of[a.Why] == nil {
			whys = append(whys, a.Why)
		}
		of[a.Why] = append(of[a.Why], a)
	}
	for _, why := range whys {
		first := of[why][0]
		line := fmt.Sprintf("%s: %s, %s on %s", what, first.Model, first.Row, first.Set)
		if more := len(of[why]) - 1; more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
		out = append(out, line+": "+why)
	}
	return out
}

// WriteAll writes a sheet in every form below a folder, under the table's name.
func (s Sheet) WriteAll(dir string) (files []string, err error) {
	for _, f := range []struct{ format, ending string }{
		{"md", ".md"}, {"latex", ".tex"}, {"csv", ".csv"}, {"json", ".json"}, {"html", ".html"},
	} {
		path := filepath.Join(dir, s.Name+f.ending)
		if err := atomicfile.Write(path, func(w io.Writer) error { return s.Write(w, f.format, 0) }); err != nil {
			return files, err
		}
		files = append(files, path)
	}
	return files, nil
}

// writeCSV writes a value a row.
func (s Sheet) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	header := []string{"table", "model", "row", "set", "metric", "bins", "mean", "std", "n", "low", "high", "paper",
		"difference", "erratum", "why_absent", "over", "calibrated_on"}
	if err := c.Write(header); err != nil {
		return err
	}
	for _, b := range s.Blocks {
		for _, l := range b.Lines {
			for _, e := range append([]Entry{l.Average}, l.Sets...) {
				for _, r := range e.records(s.Sets) {
					if err := c.Write(append([]string{s.Name, b.Model, l.Row}, r...)); err != nil {
						return err
					}
				}
			}
		}
	}
	c.Flush()
	return c.Error()
}

// records are an entry's lines of CSV, from the set on.
func (e Entry) records(asked *Asked) (out [][]string) {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	set := e.Set
	if set == "" {
		set = "average"
	}
	add := func(metric, bins string, f *Figure, paper *recipe.Expected, diff *float64, why string, on []string) {
		r := append([]string{set, metric, bins}, make([]string, 11)...)
		if f != nil {
			r[3], r[4], r[5] = number(f.Mean), number(f.Std), strconv.Itoa(f.N)
			r[6], r[7], r[12] = number(f.Low), number(f.High), f.Over
		}
		if paper != nil {
			r[8], r[10] = paper.Text, paper.Erratum
		}
		if diff != nil {
			r[9] = number(*diff)
		}
		r[11], r[13] = why, strings.Join(on, "; ")
		out = append(out, r)
	}
	add(recipe.Accuracy, "", e.Accuracy, e.PaperAccuracy, e.DiffAccuracy, e.Why, nil)
	for i, bins := range Bins {
		key := strconv.Itoa(bins)
		var f *Figure
		if v, ok := e.ECE[key]; ok {
			f = &v
		}
		paper, diff := e.PaperECE, e.DiffECE
		if i > 0 { // the paper's has ten
			paper, diff = nil, nil
		}
		add(recipe.ECE, key, f, paper, diff, e.Why, nil)
	}
	if asked == nil {
		return out
	}
	for _, kind := range asked.Kinds {
		v, ok := e.Sets[kind]
		for i, m := range table.SetMetrics(kind) {
			if f := []Figure{v.Coverage, v.Size, v.ClassGap}[i]; ok {
				add(m.Key, "", &f, nil, nil, "", e.CalibratedOn)
			} else {
				add(m.Key, "", nil, nil, nil, cmp.Or(e.WhyNoSets, e.Why), nil)
			}
		}
	}
	return out
}

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// htmlTable is a grid as the page shows it.
type htmlTable struct {
	Header []string
	Rows   []htmlRow
}

type htmlRow struct {
	Head  string
	Under bool // stands under the row above
	Rule  bool
	Cells []string
}

func htmlOf(g table.Grid) htmlTable {
	t := htmlTable{Header: g.Header}
	rules := map[int]bool{}
	for _, r := range g.Rules {
		rules[r] = true
	}
	for i, row := range g.Rows {
		head, under := strings.CutPrefix(row[0], "  ")
		t.Rows = append(t.Rows, htmlRow{head, under, rules[i], row[1:]})
	}
	return t
}

func (s Sheet) writeHTML(w io.Writer) error {
	type block struct {
		Model, Unknown string
		Tables         []htmlTable
	}
	view := struct {
		Title   string
		Blocks  []block
		Remarks []string
	}{Title: s.Title, Remarks: s.remarks()}
	for _, b := range s.Blocks {
		shown := block{Model: b.Model, Unknown: b.Unknown}
		for _, g := range b.grids() {
			shown.Tables = append(shown.Tables, htmlOf(g))
		}
		view.Blocks = append(view.Blocks, shown)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, view); err != nil {
		return fmt.Errorf("table %s: %w", s.Name, err)
	}
	_, err := out.WriteTo(w)
	return err
}
