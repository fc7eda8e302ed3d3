package table

import (
	"io"
	"slices"
	"strings"
)

// WriteFitting is WriteText for a terminal of some columns: a wider table is
// written in parts, each with the columns that head its rows, or, where not even
// those leave room, row by row.
func (g Grid) WriteFitting(w io.Writer, columns int) error {
	widths := g.widths()
	if total(widths) <= columns {
		return g.WriteText(w)
	}
	parts := g.parts(widths, columns)
	if parts == nil {
		return g.writeRows(w, columns)
	}
	for i, part := range parts {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := g.only(part).WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

// total is the width of a line.
func total(widths []int) int {
	sum := 2 * (len(widths) - 1)
	for _, n := range widths {
		sum += n
	}
	return max(sum, 0)
}

// parts shares the columns out, nil where one of their groups is too wide.
func (g Grid) parts(widths []int, columns int) [][]int {
	var heads []int
	for i := range max(g.Heads, g.Left, 1) {
		heads = append(heads, i)
	}
	fits := func(part []int) bool {
		w := make([]int, len(part))
		for i, c := range part {
			w[i] = widths[c]
		}
		return total(w) <= columns
	}
	var out [][]int
	part := slices.Clone(heads)
	for at := len(heads); at < len(widths); {
		end := at + 1
		for end < len(widths) && len(g.Groups) > 0 && !slices.Contains(g.Groups, end) {
			end++
		}
		var group []int
		for i := at; i < end; i++ {
			group = append(group, i)
		}
		if len(part) > len(heads) && !fits(append(slices.Clone(part), group...)) {
			out, part = append(out, part), slices.Clone(heads)
		}
		if part = append(part, group...); !fits(part) {
			return nil
		}
		at = end
	}
	return append(out, part)
}

// only is the table of some of its columns.
func (g Grid) only(columns []int) Grid {
	pick := func(row []string) []string {
		out := make([]string, len(columns))
		for i, c := range columns {
			out[i] = cellAt(row, c)
		}
		return out
	}
	out := Grid{Header: pick(g.Header), Rules: g.Rules, Left: g.Left}
	for _, r := range g.Rows {
		out.Rows = append(out.Rows, pick(r))
	}
	return out
}

// writeRows writes a row as a paragraph: its head, then every other cell behind
// the name of its column.
func (g Grid) writeRows(w io.Writer, columns int) error {
	var b strings.Builder
	for i, row := range g.Rows {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(cellAt(row, 0) + "\n")
		line := " "
		for c := 1; c < len(g.Header); c++ {
			cell := " " + g.Header[c] + " " + cellAt(row, c)
			if c < len(g.Header)-1 {
				cell += ";"
			}
			if len(line) > 1 && displayWidth(line)+displayWidth(cell) > columns {
				b.WriteString(line + "\n")
				line = " "
			}
			line += cell
		}
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
