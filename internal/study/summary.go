package study

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/internal/table"
)

// tally sums up differences of one kind over methods and tasks.
type tally struct {
	n, lower, higher, zero, none int // comparisons; told lower and higher; intervals with zero; exactly zero
	sum                          float64
}

func (t *tally) add(d Difference) {
	t.n++
	t.sum += d.Value
	if d.IncludesZero() {
		t.zero++
	}
	if d.None() {
		t.none++
	}
	if d.Told() && d.Value < 0 {
		t.lower++
	}
	if d.Told() && d.Value > 0 {
		t.higher++
	}
}

// words are the mean and the counts.
func (t tally) words() string {
	if t.n == 0 {
		return "–"
	}
	mean := fmt.Sprintf("%+.1f", 100*t.sum/float64(t.n))
	switch {
	case t.none == t.n:
		return "0"
	case t.zero == t.n:
		return mean + "°"
	}
	return fmt.Sprintf("%s; %d↓ %d↑ of %d", mean, t.lower, t.higher, t.n)
}

// over tallies the differences that keep holds of.
func (s Study) over(keep func(d Difference) bool) (t tally) {
	for _, d := range s.Differences {
		if keep(d) {
			t.add(d)
		}
	}
	return t
}

// Summary is what was found, as Markdown.
func (s Study) Summary() string {
	var b strings.Builder
	b.WriteString("\nDifferences are in points, mean over methods and tasks; ↓ and ↑ count those that are told from " +
		"zero. ° every difference includes zero; 0 stands for exactly zero on every picture.\n")
	b.WriteString(s.beside())
	b.WriteString("\n### Does adapting harm calibration?\n\nThe row without a remedy less zero-shot.\n\n" +
		"| family | where | ECE | accuracy |\n| --- | --- | --- | --- |\n")
	for _, family := range Families {
		for _, where := range Wheres {
			of := func(metric string) tally {
				return s.over(func(d Difference) bool {
					return d.Family == family && d.Where == where && d.Metric == metric && d.Against == ZeroShot
				})
			}
			if of("ece").n > 0 {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", family, where, of("ece").words(), of("accuracy").words())
			}
		}
	}
	for _, family := range Families {
		b.WriteString(s.remedies(family))
	}
	b.WriteString(s.tuners())
	b.WriteString(s.behind())
	b.WriteString(s.choosing())
	return b.String()
}

// remedies is the table of a family's remedies against none.
func (s Study) remedies(family string) string {
	var names, wheres []string
	for _, d := range s.Differences {
		if d.Family != family || d.Against != "none" {
			continue
		}
		if !slices.Contains(names, d.Remedy) {
			names = append(names, d.Remedy)
		}
		if !slices.Contains(wheres, d.Where) {
			wheres = append(wheres, d.Where)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.SortFunc(wheres, func(a, b string) int { return slices.Index(Wheres, a) - slices.Index(Wheres, b) })
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s: each remedy less none\n\n| remedy |", family)
	for _, w := range wheres {
		fmt.Fprintf(&b, " %s ECE | %s accuracy |", w, w)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- | --- |", len(wheres)) + "\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		for _, w := range wheres {
			for _, metric := range []string{"ece", "accuracy"} {
				t := s.over(func(d Difference) bool {
					return d.Family == family && d.Where == w && d.Metric == metric && d.Against == "none" &&
						d.Remedy == name
				})
				fmt.Fprintf(&b, " %s |", t.words())
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// tuners is the table of the methods of test-time tuning against TPT.
func (s Study) tuners() string {
	var methods []string
	for _, d := range s.Differences {
		if d.Against == TPT && !slices.Contains(methods, d.Method) {
			methods = append(methods, d.Method)
		}
	}
	if len(methods) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n### test-time: each method less TPT, without a remedy\n\n" +
		"| method | home ECE | home accuracy | drift ECE | drift accuracy |\n| --- | --- | --- | --- | --- |\n")
	for _, method := range methods {
		fmt.Fprintf(&b, "| %s |", method)
		for _, where := range []string{Home, Drift} {
			for _, metric := range []string{"ece", "accuracy"} {
				fmt.Fprintf(&b, " %s |", s.over(func(d Difference) bool {
					return d.Against == TPT && d.Method == method && d.Where == where && d.Metric == metric
				}).words())
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// behind says whether SaLS behind a training-time remedy helps.
func (s Study) behind() string {
	var b strings.Builder
	b.WriteString("\n### Does SaLS behind a training-time remedy help?\n\n" +
		"ECE of the combination less that of the remedy alone.\n\n| family | remedy |")
	for _, w := range Wheres {
		fmt.Fprintf(&b, " %s |", w)
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(Wheres)) + "\n")
	for _, family := range Families {
		for _, part := range []string{"zs-norm", "penalty", "tcpt"} {
			line, any := fmt.Sprintf("| %s | %s + SaLS |", family, part), false
			for _, w := range Wheres {
				t := s.over(func(d Difference) bool {
					return d.Family == family && d.Where == w && d.Metric == "ece" && d.Against == part
				})
				any = any || t.n > 0
				line += " " + t.words() + " |"
			}
			if any {
				b.WriteString(line + "\n")
			}
		}
	}
	return b.String()
}

// choosing says how often a remedy is chosen well.
func (s Study) choosing() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### How well is a remedy chosen without test labels?\n\n"+
		"The rules of `clipcalib choose`, among all rows of a method: by the validation fold (lowest ECE there at %g "+
		"point of accuracy or less), or by the ranges of the test pictures alone (none where they are at most %g %% "+
		"wider than zero-shot, else the nearest). *Well* is no worse than none and within %g point of the best row. ECE "+
		"in per cent, means over methods and tasks.\n\n"+
		"| rule | family | where | chosen well | no worse than none | none | chosen | best |\n"+
		"| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
		100*table.AccuracyAllowance, 100*table.RangeAllowance, 100*good)
	all := s.Choices()
	for _, rule := range []string{table.ByValidation, table.ByRange} {
		for _, family := range Families {
			for _, where := range Wheres {
				n, well, harmless := 0, 0, 0
				var none, chosen, best float64
				for _, c := range all {
					if c.Rule != rule || c.Family != family || c.Where != where {
						continue
					}
					n++
					if c.Good() {
						well++
					}
					if c.Chosen <= c.None {
						harmless++
					}
					none, chosen, best = none+c.None, chosen+c.Chosen, best+c.Best
				}
				if n == 0 {
					continue
				}
				f := 100 / float64(n)
				fmt.Fprintf(&b, "| %s | %s | %s | %d of %d | %d of %d | %.1f | %.1f | %.1f |\n", rule, family, where,
					well, n, harmless, n, f*none, f*chosen, f*best)
			}
		}
	}
	return b.String()
}
