package table

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

var latexSpecial = strings.NewReplacer(`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`,
	"{", `\{`, "}", `\}`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`, " ± ", ` $\pm$ `, "–", "--", "…",
	`\ldots{}`)

// WriteLaTeX writes the table for the package booktabs.
func (g Grid) WriteLaTeX(w io.Writer) error {
	b := bufio.NewWriter(w)
	left := max(g.Left, 1)
	fmt.Fprintf(b, "\\begin{tabular}{%s%s}\n\\toprule\n", strings.Repeat("l", left),
		strings.Repeat("r", max(0, len(g.Header)-left)))
	line := func(row []string) {
		cells := make([]string, len(g.Header))
		for i := range cells {
			cell := cellAt(row, i)
			if rest, ok := strings.CutPrefix(cell, "  "); ok && i == 0 {
				cells[i] = `\quad ` + latexSpecial.Replace(rest)
				continue
			}
			cells[i] = latexSpecial.Replace(cell)
		}
		fmt.Fprintf(b, "%s \\\\\n", strings.Join(cells, " & "))
	}
	line(g.Header)
	fmt.Fprintln(b, `\midrule`)
	for i, row := range g.Rows {
		if slices.Contains(g.Rules, i) {
			fmt.Fprintln(b, `\midrule`)
		}
		line(row)
	}
	fmt.Fprintln(b, "\\bottomrule\n\\end{tabular}")
	return b.Flush()
}
