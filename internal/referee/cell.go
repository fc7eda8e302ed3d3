package referee

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cell is a printed figure, with its standard deviation and change where they
// stand beside it: "58.01 ± 0.21 (-0.31)".
type cell struct {
	value, std, delta figure
	best              bool // marked with * as the best of its column
	scored            bool // a figure stands there
}

// figure is a printed number: what it may have been before rounding is within
// half a unit of it.
type figure struct {
	v     float64
	unit  float64 // of the last digit printed
	there bool
	text  string
}

func (f figure) low() float64  { return f.v - f.unit/2 }
func (f figure) high() float64 { return f.v + f.unit/2 }

// interval is where a figure that is computed from printed ones may lie.
type interval struct{ low, high float64 }

func (f figure) interval() interval { return interval{f.low(), f.high()} }

// slack is for the float64 sums behind an interval.
const slack = 1e-9

func (i interval) meets(j interval) bool {
	return i.low <= j.high+slack && j.low <= i.high+slack
}

// cellPattern is a value, a deviation behind ± or +-, a change in brackets with
// an arrow or none, and the mark of the best.
var cellPattern = regexp.MustCompile(`^([-+]?[0-9]+(?:\.[0-9]+)?)\s*%?\s*(?:(?:±|\+/?-)\s*([0-9]+(?:\.[0-9]+)?))?` +
	`\s*(?:\(([-+]?[0-9]+(?:\.[0-9]+)?)\)\s*[↑↓]?)?\s*(\*)?$`)

// nothing are the texts of a cell without a figure.
var nothing = map[string]bool{"": true, "-": true, "–": true, "—": true, "n/a": true, "N/A": true, "NA": true}

// maxFigure bounds figures: more digits are no table.
const maxFigure = 20

func parseCell(text string) (c cell, err error) {
	t := strings.TrimSpace(strings.NewReplacer("−", "-", "**", "", "\u00a0", " ").Replace(text))
	if nothing[t] {
		return c, nil
	}
	m := cellPattern.FindStringSubmatch(t)
	if m == nil {
		return c, fmt.Errorf("%q is no figure: want 58.01, 58.01 ± 0.21, 58.01 (-0.31), or - for none", text)
	}
	c.scored, c.best = true, m[4] != ""
	for i, f := range []*figure{&c.value, &c.std, &c.delta} {
		if m[i+1] == "" {
			continue
		}
		if *f, err = parseFigure(m[i+1]); err != nil {
			return c, err
		}
	}
	return c, nil
}

func parseFigure(text string) (figure, error) {
	if len(text) > maxFigure {
		return figure{}, fmt.Errorf("%.40q has more digits than a table prints", text)
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return figure{}, fmt.Errorf("%q is no number", text)
	}
	digits := 0
	if _, after, ok := strings.Cut(text, "."); ok {
		digits = len(after)
	}
	return figure{v: v, unit: math.Pow10(-digits), there: true, text: text}, nil
}

// padded says whether at least n figures look as if rounded to a digit less
// than they are printed with: all end in zero.
func padded(figures []figure, n int) bool {
	return len(figures) >= n && !slices.ContainsFunc(figures, func(f figure) bool { return !f.padded() })
}

func (f figure) padded() bool { return strings.Contains(f.text, ".") && strings.HasSuffix(f.text, "0") }

// readRounding widens the figures of a row that are printed with zeros in place
// of digits: 66.70 among 44.30 and 67.30 is 66.7. Papers that print three
// significant digits do it to the figures of ten and more alone. What is read
// too coarsely is a fault not found, never a right figure blamed.
func readRounding(row []cell) {
	var all, large []figure
	for _, c := range row {
		if !c.scored {
			continue
		}
		all = append(all, c.value)
		if math.Abs(c.value.v) >= 10 {
			large = append(large, c.value)
		}
	}
	widen := func(from float64) {
		for i := range row {
			if f := &row[i].value; f.there && math.Abs(f.v) >= from {
				f.unit *= 10
			}
		}
	}
	switch {
	case padded(all, 3):
		widen(0)
	case padded(large, 2):
		widen(10)
	}
}
