package referee

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// digits prints a number with the digits of a unit, at least two.
func digits(v, unit float64) string {
	n := max(2, int(math.Round(-math.Log10(unit))))
	return strings.Replace(fmt.Sprintf("%.*f", n, v), "-0.00", "0.00", 1)
}

// meanOfFigures is where the mean of printed figures may lie.
func meanOfFigures(figures []figure) interval {
	var sum interval
	for _, f := range figures {
		sum.low += f.low()
		sum.high += f.high()
	}
	n := float64(len(figures))
	return interval{sum.low / n, sum.high / n}
}

// average checks the column of averages in row i.
func (e *examiner) average(i int, row []cell) {
	printed := row[e.Average].value
	var figures []figure
	var columns []int
	for j, c := range row {
		if j != e.Average && c.scored {
			figures, columns = append(figures, c.value), append(columns, j)
		}
	}
	switch missing := len(row) - 1 - len(figures); {
	case !printed.there:
		return
	case missing > 0:
		e.unchecked("the average of %s: %d of its figures are missing", e.label(e.Rows[i]), missing)
		return
	}
	c := compare(Average, printed, meanOfFigures(figures))
	e.note(i, e.Average, c)
	if c.Verdict == Differs {
		e.slips[len(e.report.Checks)-1] = e.whyAverage(i, printed, figures, columns)
	}
}

// slip is what would explain an average.
type slip struct{ kind, words string }

// explain says of every average that differs what would explain it: of several
// slips the one that explains most rows of the table.
func (e *examiner) explain() {
	explains := map[string]int{}
	for _, slips := range e.slips {
		for _, s := range slips {
			explains[s.kind]++
		}
	}
	for at, slips := range e.slips {
		if len(slips) == 0 {
			continue
		}
		best := slices.MaxFunc(slips, func(a, b slip) int { return explains[a.kind] - explains[b.kind] })
		e.report.Checks[at].Words = best.words
	}
}

// whyAverage looks for slips that would explain an average.
func (e *examiner) whyAverage(i int, printed figure, figures []figure, columns []int) (why []slip) {
	for k, f := range figures {
		rest := append(append([]figure{}, figures[:k]...), figures[k+1:]...)
		name := e.Columns[columns[k]].Name
		others := meanOfFigures(rest)
		switch {
		case len(rest) < 2:
		case f.interval().meets(others):
			// The figure is the mean of all the others: it stands in the wrong place.
			all := meanOfFigures(append(rest, printed))
			mean := digits((all.low+all.high)/2, printed.unit)
			why = append(why, slip{"swapped with " + name, fmt.Sprintf(
				"%s and %s are swapped: %s under %s is the mean of the other %d, and with %s there the mean of all is %s",
				e.Columns[e.Average].Name, name, f.text, name, len(rest), printed.text, mean)})
		case printed.interval().meets(others):
			why = append(why, slip{"without " + name, fmt.Sprintf("it is the mean of %d, without %s", len(rest), name)})
		}
	}
	if w, ok := e.weighted(figures, columns); ok && printed.interval().meets(w) {
		why = append(why, slip{"weighted", "it is the mean weighted by samples"})
	}
	for k, r := range e.Rows {
		if k == i || r.Metric != e.Rows[i].Metric {
			continue
		}
		other := e.row(k)[e.Average].value
		if other.there && other.text == printed.text {
			why = append(why, slip{"same as " + r.Name, fmt.Sprintf("the row %s prints the same average", r.Name)})
		}
	}
	return why
}

// weighted is the mean of a row by the samples of its columns.
func (e *examiner) weighted(figures []figure, columns []int) (interval, bool) {
	var sum interval
	var n float64
	for k, f := range figures {
		w := float64(e.Columns[columns[k]].Samples)
		if w == 0 {
			return sum, false
		}
		sum.low, sum.high, n = sum.low+w*f.low(), sum.high+w*f.high(), n+w
	}
	return interval{sum.low / n, sum.high / n}, n > 0
}

// meanOf checks a row that is the average of others.
func (e *examiner) meanOf(i int, row []cell) {
	of := e.Rows[i].MeanOf
	for j, c := range row {
		if !c.scored || len(of) == 0 {
			continue
		}
		var figures []figure
		for _, name := range of {
			if _, other := e.rowOf(i, name); other[j].scored {
				figures = append(figures, other[j].value)
			}
		}
		if len(figures) < len(of) {
			e.unchecked("the mean under %s in %s: %d of its figures are missing", e.Columns[j].Name, e.label(e.Rows[i]),
				len(of)-len(figures))
			continue
		}
		e.note(i, j, compare(Mean, c.value, meanOfFigures(figures)))
	}
}

// changes checks the changes in brackets, and the figures that a row keeps.
func (e *examiner) changes(i int, row []cell) {
	r := e.Rows[i]
	if r.Of == "" {
		for j, c := range row {
			if c.delta.there {
				e.unchecked("the change %s of %s under %s: the file does not say of what (key of)", c.delta.text,
					e.label(r), e.Columns[j].Name)
			}
		}
		return
	}
	_, base := e.rowOf(i, r.Of)
	for j, c := range row {
		if !c.scored || !base[j].scored {
			continue
		}
		from := base[j].value
		if c.delta.there {
			want := interval{c.value.low() - from.high(), c.value.high() - from.low()}
			check := compare(Change, c.delta, want)
			if check.Verdict == Differs {
				check.Words = whyChange(c, from, want)
			}
			e.note(i, j, check)
		}
		for _, m := range r.Keeps {
			if m == e.metric(r, j) {
				check := compare(Kept, c.value, from.interval())
				if check.Verdict == Differs {
					check.Words = fmt.Sprintf("scaling a sample's logits leaves its class: want the %s of %s",
						from.text, r.Of)
				}
				e.note(i, j, check)
			}
		}
	}
}

// whyChange looks for a slip that would explain a change: its sign, one digit of
// it, or one digit of the value.
func whyChange(c cell, from figure, want interval) string {
	words := fmt.Sprintf("%s from %s is %s", c.value.text, from.text, signed((want.low+want.high)/2, c.delta.unit))
	turned := c.delta
	turned.v = -turned.v
	if turned.v != 0 && turned.interval().meets(want) {
		return words + ": the sign is wrong"
	}
	value := c.value
	value.v = from.v + c.delta.v
	if text := digits(value.v, value.unit); oneDigitApart(text, c.value.text) {
		words += fmt.Sprintf(", or the figure is %s", text)
	}
	text := digits(math.Abs(c.value.v-from.v), c.delta.unit)
	if oneDigitApart(text, strings.TrimLeft(c.delta.text, "+-")) {
		words += ": one digit of the change is wrong"
	}
	return words
}

func signed(v, unit float64) string {
	if v >= 0 {
		return "+" + digits(v, unit)
	}
	return digits(v, unit)
}

func oneDigitApart(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n == 1
}
