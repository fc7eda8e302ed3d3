package table

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Grid is rows of text under a header. The first columns are aligned to the
// left, the others to the right. Rows may be shorter than the header.
type Grid struct {
	Header []string
	Rows   [][]string
	Rules  []int // indices of rows that a line is drawn above
	Left   int   // number of columns aligned to the left; 0 means 1
	Heads  int   // number of columns that head each row; 0 means Left
	Groups []int // columns that begin a group that stays together
}

func (g Grid) left(column int) bool { return column < max(g.Left, 1) }

// WriteText writes the table with aligned columns, for a terminal.
func (g Grid) WriteText(w io.Writer) error {
	widths := g.widths()
	rule := strings.Repeat("─", total(widths)) + "\n"
	var b strings.Builder
	b.WriteString(g.textLine(g.Header, widths) + rule)
	for i, row := range g.Rows {
		if slices.Contains(g.Rules, i) {
			b.WriteString(rule)
		}
		b.WriteString(g.textLine(row, widths))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g Grid) textLine(row []string, widths []int) string {
	var b strings.Builder
	for i := range widths {
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(g.padded(cellAt(row, i), i, widths[i]))
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// WriteMarkdown writes the table in the pipe syntax, aligned in the source too.
func (g Grid) WriteMarkdown(w io.Writer) error {
	widths := g.widths()
	var b strings.Builder
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	line := func(row []string) {
		for i, n := range widths {
			b.WriteString("| " + g.padded(escape.Replace(cellAt(row, i)), i, n) + " ")
		}
		b.WriteString("|\n")
	}
	line(g.Header)
	for i, n := range widths {
		if g.left(i) {
			b.WriteString("|" + strings.Repeat("-", n+2))
		} else {
			b.WriteString("|" + strings.Repeat("-", n+1) + ":")
		}
	}
	b.WriteString("|\n")
	for _, row := range g.Rows {
		line(row)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteCSV writes the table as comma-separated values.
func (g Grid) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(g.Header); err != nil {
		return err
	}
	return c.WriteAll(g.Rows)
}

func (g Grid) widths() []int {
	widths := make([]int, len(g.Header))
	for _, row := range append([][]string{g.Header}, g.Rows...) {
		for i := range widths {
			widths[i] = max(widths[i], displayWidth(cellAt(row, i)))
		}
	}
	return widths
}

// padded fills a cell up to a width on the side its column is aligned to.
func (g Grid) padded(cell string, column, width int) string {
	pad := strings.Repeat(" ", max(width-displayWidth(cell), 0))
	if g.left(column) {
		return cell + pad
	}
	return pad + cell
}

func cellAt(row []string, i int) string {
	if i < len(row) {
		return row[i]
	}
	return ""
}

// displayWidth counts terminal columns: two for wide East Asian characters and
// none for combining marks.
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
