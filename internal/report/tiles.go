package report

import "math"

// tile is a headline number.
type tile struct {
	Label, Value, Note string
	Tone               string // CSS class: "", "bad" or "good"
}

// tiles tells the story of the featured method in four numbers: what
// adaptation does at home, and what it does to calibration and range under
// drift, and the best remedy.
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
		out = append(out, tile{label, m.mean(before) + " → " + m.mean(after) + unit, "zero-shot → " + display(method), tone})
	}
	compare("Accuracy at home", sources, shownMetrics[0], " %", false)
	compare("Logit range under drift", drifted, shownMetrics[2], "", true)
	compare("ECE under drift", drifted, shownMetrics[1], " %", true)
	if best, name, ok := g.bestRemedy(method, drifted); ok {
		base, _ := g.meanOver(adapted, drifted, ece)
		tone := toneOf(best.Mean-base.Mean, true)
		out = append(out, tile{"Best remedy under drift", shownMetrics[1].mean(base) + " → " + shownMetrics[1].mean(best) + " %",
			"ECE of " + display(method) + " + " + display(name), tone})
	}
	return out
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

func (g results) bestRemedy(method string, targets []string) (best Spread, name string, ok bool) {
	if _, measured := g.meanOver(rowKey{method, ""}, targets, ece); !measured {
		return best, "", false
	}
	for _, remedy := range g.remedies(method) {
		s, measured := g.meanOver(rowKey{method, remedy}, targets, ece)
		if measured && (!ok || s.Mean < best.Mean) {
			best, name, ok = s, remedy, true
		}
	}
	return best, name, ok
}
