package referee

import (
	"fmt"
	"math"
)

// bound checks that a figure is in its metric's range.
func (e *examiner) bound(i, j int, c cell) {
	low, high := 0.0, 100.0
	switch e.metric(e.Rows[i], j) {
	case "":
		return
	case nll, logitRange, logitNorm:
		high = math.Inf(1)
	case brier:
		high = 2
	}
	check := Check{Kind: Bound, Printed: c.value.text}
	if c.value.high() < low-slack || c.value.low() > high+slack {
		check.Verdict, check.Words = Impossible, fmt.Sprintf("it lies outside %g to %g", low, high)
	}
	e.note(i, j, check)
}

// between checks the metrics of one row and column against each other, where
// they stand in rows of one name.
func (e *examiner) between() {
	for i, r := range e.Rows {
		for j := range e.Columns {
			if !e.row(i)[j].scored {
				continue
			}
			switch e.metric(r, j) {
			case mce:
				e.atLeast(i, j, ece, "the largest gap of a bin is no smaller than their weighted mean")
				e.atLeast(i, j, ace, "the largest gap of a bin is no smaller than their mean")
			case ece:
				e.atLeastGap(i, j)
			}
		}
	}
}

// beside is the figure of another metric for the same thing as row i, column j:
// in the row of the same name.
func (e *examiner) beside(i, j int, metric string) (figure, bool) {
	for k, r := range e.Rows {
		if k != i && r.Name == e.Rows[i].Name && r.Metric == metric {
			f := e.row(k)[j]
			return f.value, f.scored
		}
	}
	return figure{}, false
}

func (e *examiner) atLeast(i, j int, metric, because string) {
	other, ok := e.beside(i, j, metric)
	if !ok {
		return
	}
	f := e.row(i)[j].value
	c := Check{Kind: Bound, Printed: f.text, Computed: "≥ " + other.text}
	if f.high() < other.low()-slack {
		c.Verdict, c.By = Impossible, f.v-other.v
		c.Words = fmt.Sprintf("it is below the %s of %s: %s", metric, other.text, because)
	}
	e.note(i, j, c)
}

// atLeastGap checks that an ECE is no smaller than the gap of the means.
func (e *examiner) atLeastGap(i, j int) {
	acc, ok := e.beside(i, j, accuracy)
	conf, there := e.beside(i, j, confidence)
	if !ok || !there {
		return
	}
	f := e.row(i)[j].value
	gap := max(acc.low()-conf.high(), conf.low()-acc.high(), 0)
	c := Check{Kind: Bound, Printed: f.text, Computed: "≥ " + digits(math.Abs(acc.v-conf.v), f.unit)}
	if f.high() < gap-slack {
		c.Verdict, c.By = Impossible, f.v-math.Abs(acc.v-conf.v)
		c.Words = fmt.Sprintf("it is below the gap of accuracy %s and mean confidence %s, which no bins can undercut",
			acc.text, conf.text)
	}
	e.note(i, j, c)
}

// bests checks the marks of the best against the other rows of their metric.
func (e *examiner) bests() {
	for i, r := range e.Rows {
		for j, c := range e.row(i) {
			metric := e.metric(r, j)
			if !c.best || metric == "" {
				continue
			}
			check := Check{Kind: Best, Printed: c.value.text}
			for k, other := range e.Rows {
				o := e.row(k)[j]
				if k == i || !o.scored || e.metric(other, j) != metric {
					continue
				}
				better := o.value.low() > c.value.high()+slack
				if metric != accuracy && metric != confidence {
					better = o.value.high() < c.value.low()-slack
				}
				if better {
					check.Verdict, check.Computed = Differs, o.value.text
					check.Words = fmt.Sprintf("it is marked as the best, and %s has %s", other.Name, o.value.text)
				}
			}
			e.note(i, j, check)
		}
	}
}
