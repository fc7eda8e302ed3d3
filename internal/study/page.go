package study

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// What the page says whatever the figures.
var (
	//go:embed about.md
	aboutText string
	//go:embed protocol.md
	protocolText string
)

// Page is the study as Markdown. It follows from the study's files alone.
func (s Study) Page() string {
	var b strings.Builder
	b.WriteString(aboutText + "\n")
	for _, f := range s.Facts {
		fmt.Fprintf(&b, "- %s: %s\n", f.Name, f.Value)
	}
	for _, family := range Families {
		if line := s.sizes(family); line != "" {
			fmt.Fprintf(&b, "- seeds of %s: %s\n", family, line)
		}
	}
	b.WriteString(protocolText)
	b.WriteString(s.overall())
	b.WriteString("\n## What is claimed\n\nECE in per cent, as published.\n\n" +
		"| method | claim | source | here |\n| --- | --- | --- | --- |\n")
	for _, c := range Claims() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Method, c.Claims, c.Source, c.Here)
	}
	b.WriteString("\n## What was found\n")
	b.WriteString(s.Summary())
	b.WriteString("\n## All rows\n\nAccuracy and ECE in per cent, mean ± standard deviation over n seeds, and range of " +
		"the logits. A mark is a difference in ECE that is told (+ higher, − lower) from the row without a remedy, of " +
		"that row from zero-shot.\n")
	for _, task := range s.tasks() {
		for _, family := range Families {
			b.WriteString(s.full(task, family))
		}
	}
	return b.String()
}

// sizes says how many seeds the methods of a family had.
func (s Study) sizes(family string) string {
	by := map[int][]string{}
	for _, m := range s.means(Home) {
		if m.Family == family && m.Remedy == "none" && m.Method != ZeroShot && !slices.Contains(by[m.seeds], m.Method) {
			by[m.seeds] = append(by[m.seeds], m.Method)
		}
	}
	var counts []int
	for n := range by {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	slices.Reverse(counts)
	var out []string
	for _, n := range counts {
		out = append(out, fmt.Sprintf("%d of %s", n, strings.Join(by[n], ", ")))
	}
	asked := map[string]int{Adapters: 10, Prompts: 5, TestTime: 3}[family]
	line := strings.Join(out, "; ")
	if len(counts) > 0 && counts[len(counts)-1] < asked {
		line += fmt.Sprintf(" (the protocol has %d: fewer were run)", asked)
	}
	return line
}

// overall counts the comparisons.
func (s Study) overall() string {
	tests, told, zero, none := 0, 0, 0, 0
	for _, d := range s.Differences {
		switch {
		case d.None():
			none++
			continue
		case d.Told():
			told++
		}
		tests++
		if d.IncludesZero() {
			zero++
		}
	}
	switch {
	case tests == 0:
		return "There is no comparison.\n"
	case zero == tests:
		return fmt.Sprintf("Of %d comparisons, every difference includes zero; %d more are exactly zero.\n", tests,
			none)
	}
	return fmt.Sprintf("%d comparisons: %d are told from zero, %d intervals include zero; %d more are exactly zero.\n",
		tests, told, zero, none)
}

func (s Study) tasks() (out []string) {
	for _, c := range s.Cells {
		if !slices.Contains(out, c.Task) {
			out = append(out, c.Task)
		}
	}
	return out
}

// full is the table of all rows of a task and family.
func (s Study) full(task, family string) string {
	of := map[string][]mean{}
	var wheres []string
	for _, w := range Wheres {
		for _, m := range s.means(w) {
			if m.Task == task && m.Family == family {
				of[w] = append(of[w], m)
			}
		}
		if len(of[w]) > 0 {
			wheres = append(wheres, w)
		}
	}
	if len(wheres) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s, %s\n\n| method | remedy | n |", task, family)
	for _, w := range wheres {
		fmt.Fprintf(&b, " %s acc | ECE | range |", w)
	}
	b.WriteString("\n| --- | --- | ---: |" + strings.Repeat(" ---: | ---: | ---: |", len(wheres)) + "\n")
	// Rows that were measured on new classes alone, such as DAC's, come in too.
	var keys []mean
	for _, w := range wheres {
		for _, m := range of[w] {
			if !slices.ContainsFunc(keys, func(k mean) bool { return k.Key == m.Key }) {
				keys = append(keys, m)
			}
		}
	}
	slices.SortStableFunc(keys, func(x, y mean) int { return methodRank(keys, x) - methodRank(keys, y) })
	for _, k := range keys {
		fmt.Fprintf(&b, "| %s | %s | %d |", k.Method, k.Remedy, k.seeds)
		for _, w := range wheres {
			i := slices.IndexFunc(of[w], func(m mean) bool { return m.Key == k.Key })
			if i < 0 {
				b.WriteString(" – | – | – |")
				continue
			}
			m := of[w][i]
			fmt.Fprintf(&b, " %s | %s%s | %.1f |", percent(m.accuracy, m.accuracySpread, m.seeds),
				percent(m.ece, m.eceSpread, m.seeds), s.mark(k.Key, w), m.logits)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func methodRank(keys []mean, m mean) int {
	return slices.IndexFunc(keys, func(k mean) bool { return k.Method == m.Method })
}

func percent(v, spread float64, n int) string {
	if n < 2 {
		return fmt.Sprintf("%.1f", 100*v)
	}
	return fmt.Sprintf("%.1f ± %.1f", 100*v, 100*spread)
}

// mark says whether a row's ECE is told from that without a remedy.
func (s Study) mark(k Key, where string) string {
	against := "none"
	if k.Remedy == "none" {
		against = ZeroShot
	}
	for _, d := range s.Differences {
		if d.Key == k && d.Where == where && d.Metric == "ece" && d.Against == against && d.Told() {
			if d.Value > 0 {
				return " +"
			}
			return " −"
		}
	}
	return ""
}
