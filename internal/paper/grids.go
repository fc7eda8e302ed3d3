package paper

import (
	"fmt"
	"strconv"
	"strings"

	"clipcalib/internal/recipe"
	"clipcalib/internal/table"
)

// none stands where there is no figure.
const none = "–"

// Averages is a block's rows over all sets: ours, the paper's and the difference.
// ECE stands at all bins.
func (b Block) Averages() table.Grid {
	g := table.Grid{Left: 1, Header: []string{b.Model + ", average", "n", "ACC", "paper", "diff", "ECE 10 bins",
		"paper", "diff", "15 bins", "20 bins"}}
	for i, l := range b.Lines {
		if l.Of == "" && i > 0 {
			g.Rules = append(g.Rules, i)
		}
		e := l.Average
		row := []string{b.rowName(i), none, none, paperText(e.PaperAccuracy), none, none, paperText(e.PaperECE), none,
			none, none}
		if e.Accuracy != nil {
			row[1] = strconv.Itoa(e.Accuracy.N)
			row[2], row[4] = figureText(*e.Accuracy), diffText(e.DiffAccuracy)
			row[5], row[7] = figureText(e.ECE["10"]), diffText(e.DiffECE)
			row[8], row[9] = figureText(e.ECE["15"]), figureText(e.ECE["20"])
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

// BySet is a block's rows on every set, for one metric: ours, and the difference
// from the paper's in brackets where that is known.
func (b Block) BySet(metric string) table.Grid {
	title := "ACC"
	if metric == recipe.ECE {
		title = "ECE 10 bins"
	}
	g := table.Grid{Header: append([]string{b.Model + ", " + title}, b.Short...), Left: 1}
	for i, l := range b.Lines {
		if l.Of == "" && i > 0 {
			g.Rules = append(g.Rules, i)
		}
		row := []string{b.rowName(i)}
		for _, e := range l.Sets {
			text, diff, paper := none, e.DiffAccuracy, e.PaperAccuracy
			if e.Accuracy != nil {
				text = fmt.Sprintf("%.2f", e.Accuracy.Mean)
			}
			if metric == recipe.ECE {
				diff, paper = e.DiffECE, e.PaperECE
				if e.Accuracy != nil {
					text = fmt.Sprintf("%.2f", e.ECE["10"].Mean)
				}
			}
			switch {
			case diff != nil:
				text += " (" + diffText(diff) + ")"
			case paper != nil:
				text += " (paper " + paperText(paper) + ")"
			}
			row = append(row, text)
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

// rowName heads row i: a remedy stands under its method, where that has a row.
func (b Block) rowName(i int) string {
	l := b.Lines[i]
	under := i > 0 && (b.Lines[i-1].Row == l.Of || b.Lines[i-1].Of == l.Of && strings.HasPrefix(b.rowName(i-1), " "))
	if l.Of != "" && under {
		return "  " + l.Row[len(l.Of)+1:]
	}
	return l.Row
}

// figureText is a mean with its spread over seeds, or its interval.
func figureText(f Figure) string {
	if f.N > 1 {
		return fmt.Sprintf("%.2f ± %.2f", f.Mean, f.Std)
	}
	return fmt.Sprintf("%.2f ± %.2f*", f.Mean, (f.High-f.Low)/2)
}

// diffText is ours less the paper's.
func diffText(d *float64) string {
	if d == nil {
		return none
	}
	return fmt.Sprintf("%+.2f", *d)
}

// paperText is the paper's figure, marked where recomputing disagrees.
func paperText(x *recipe.Expected) string {
	switch {
	case x == nil:
		return none
	case x.Erratum != "":
		return x.Text + " †"
	}
	return x.Text
}

// Legend explains the marks.
const Legend = "± is the standard deviation over n seeds; * of one seed, half the 95 % interval over its samples. " +
	"† recomputing the paper's figure disagrees, see the notes. diff is ours less the paper's."
