package report

import (
	"fmt"
	"math"
	"strings"
)

// tile is a headline number.
type tile struct {
	Label, Value string
	More, Note   string // lines under it
	Tone         string // CSS class: "", "bad" or "good"
}

// tiles tells the story of the featured method in a few numbers: what
// adaptation does at home, what it does to calibration and range under drift,
// and what remedies do there.
func (g results) tiles(method string) []tile {
	if method == ZeroShot {
		return nil
	}
	zero, adapted := rowKey{ZeroShot, ""}, rowKey{method, ""}
	var sources []string
	for _, t := range g.targets {
		if g.sources[t] {
			sources = append(sources, t)
		}
	}
	drifted := g.drifted()
	var out []tile
	compare := func(label string, targets []string, m shownMetric, unit string, lowerIsBetter bool) {
		if len(targets) == 0 {
			return
		}
		before, ok1 := g.meanOver(zero, targets, m.value)
		after, ok2 := g.meanOver(adapted, targets, m.value)
		if !ok1 || !ok2 {
			return
		}
		tone := toneOf(after.Mean-before.Mean, lowerIsBetter)
		out = append(out, tile{Label: label, Value: m.mean(before) + " → " + m.mean(after) + unit,
			Note: "zero-shot → " + display(method), Tone: tone})
	}
	compare("Accuracy at home", sources, shownMetrics[0], " %", false)
	compare("Logit range"+g.where(), drifted, shownMetrics[2], "", true)
	compare("ECE"+g.where(), drifted, shownMetrics[1], " %", true)
	out = append(out, g.remedyTiles(method, drifted)...)
	return out
}

// where says in a label which targets those are that no run learnt from.
func (g results) where() string {
	if len(g.sources) == 0 {
		return " on the targets"
	}
	return " under drift"
}

// toneOf colours a change; a change too small to be printed has no colour.
func toneOf(change float64, lowerIsBetter bool) string {
	switch {
	case math.Abs(change) < 5e-4:
		return ""
	case (change < 0) == lowerIsBetter:
		return "good"
	}
	return "bad"
}

// remedyTiles show what a remedy does under drift, in ECE and in accuracy: the
// one that was chosen on the validation fold, or without such a fold every one,
// for then the test results would have to choose.
func (g results) remedyTiles(method string, drifted []string) []tile {
	if len(drifted) == 0 {
		return nil
	}
	if chosen, ok := g.choose(method); ok {
		if chosen == "" {
			return []tile{{Label: "Chosen remedy", Value: "none", Note: choiceRule()}}
		}
		return g.remedyTile(method, chosen, drifted, "ECE"+g.where()+" with the chosen remedy, "+display(chosen),
			choiceRule())
	}
	var out []tile
	for _, remedy := range g.remedies(method) {
		out = append(out, g.remedyTile(method, remedy, drifted, "ECE"+g.where()+", + "+display(remedy), "")...)
	}
	return out
}

func (g results) remedyTile(method, remedy string, drifted []string, label, note string) []tile {
	plain, with := rowKey{method, ""}, rowKey{method, remedy}
	var before, after [2]Spread
	for i, m := range shownMetrics[:2] {
		var ok1, ok2 bool
		before[i], ok1 = g.meanOver(plain, drifted, m.value)
		after[i], ok2 = g.meanOver(with, drifted, m.value)
		if !ok1 || !ok2 {
			return nil
		}
	}
	acc, calibration := shownMetrics[0], shownMetrics[1]
	t := tile{
		Label: label, Value: calibration.mean(before[1]) + " → " + calibration.mean(after[1]) + " %",
		More: fmt.Sprintf("accuracy %s → %s %% (%s points)", acc.mean(before[0]), acc.mean(after[0]),
			points(after[0].Mean-before[0].Mean)),
		Note: note, Tone: toneOf(after[1].Mean-before[1].Mean, true),
	}
	// A lower ECE that costs accuracy is no plain good.
	if t.Tone == "good" && after[0].Mean < before[0].Mean-accuracyAllowance {
		t.Tone = ""
	}
	return []tile{t}
}

// points writes a change of a fraction in points, with its sign.
func points(change float64) string {
	text := fmt.Sprintf("%+.1f", 100*change)
	if text == "+0.0" || text == "-0.0" {
		return "±0.0"
	}
	return strings.Replace(text, "-", "−", 1)
}

// remedyNote says why no remedy is singled out, where none is.
func (g results) remedyNote(method string) string {
	if method == ZeroShot || len(g.remedies(method)) == 0 || len(g.drifted()) == 0 {
		return ""
	}
	if _, ok := g.choose(method); ok {
		return ""
	}
	return "No remedy is named best: these runs have no validation fold to choose on, and the results shown must not " +
		"choose. All are shown, in the paper's order."
}
